-- The outline of pages: from where to where, in percent of its height, each block reaches. Edit it where
-- a page has another layout; scroll_blocks tells how many see each block.
select
    page,
    block_no,
    block,
    from_pct,
    to_pct
from (values
    ('product', 1, 'gallery', 0, 20),
    ('product', 2, 'price', 20, 30),
    ('product', 3, 'coupon', 30, 38),
    ('product', 4, 'specification', 38, 62),
    ('product', 5, 'reviews', 62, 82),
    ('product', 6, 'recommend', 82, 100)
) as blocks(page, block_no, block, from_pct, to_pct)

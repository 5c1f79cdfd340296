//! Work cut over the cores. What a part gives never depends on where the cuts are, so the demo's bytes
//! are the same on any machine.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

/// Fewer things than this are not worth a thread.
const LEAST: usize = 256;

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Calls `part` on consecutive ranges of `0..count`, one a core; gives their results in order.
pub fn in_parts<T: Send>(count: usize, part: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    cut_in(cores().min(count / LEAST).max(1), count, part)
}

fn cut_in<T: Send>(parts: usize, count: usize, part: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let range = |number: usize| count * number / parts..count * (number + 1) / parts;
    let part = &part;
    thread::scope(|scope| {
        let others: Vec<_> = (1..parts)
            .map(|number| scope.spawn(move || part(range(number))))
            .collect();
        let mut results = vec![part(range(0))];
        results.extend(
            others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic))),
        );
        results
    })
}

/// Calls `each` on every item with its index, the items dealt out to the cores in turn.
pub fn for_each<T: Send>(items: &mut [T], each: impl Fn(usize, &mut T) + Sync) {
    let hands = cores().min(items.len()).max(1);
    let mut dealt: Vec<Vec<(usize, &mut T)>> = (0..hands).map(|_| Vec::new()).collect();
    for (index, item) in items.iter_mut().enumerate() {
        dealt[index % hands].push((index, item));
    }
    let each = &each;
    thread::scope(|scope| {
        for hand in dealt {
            scope.spawn(move || hand.into_iter().for_each(|(index, item)| each(index, item)));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_in_order_however_many_there_are() {
        for parts in [1, 2, 3, 7] {
            let numbers: Vec<usize> =
                cut_in(parts, 1_000, |range| range.collect::<Vec<_>>()).concat();
            assert!(numbers.into_iter().eq(0..1_000), "{parts}");
        }
        assert_eq!(in_parts(0, |range| range.len()), [0]);
    }

    #[test]
    fn every_item_is_seen_once() {
        let mut items = vec![0; 25];
        for_each(&mut items, |index, item| *item += index);
        assert!(items.into_iter().eq(0..25));
        for_each(&mut Vec::<u8>::new(), |_, _| {});
    }
}

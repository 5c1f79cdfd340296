//! In which order the nodes of a flow stand: by value, the columns behind the first as a barycentre pass
//! finds fewer crossings.

/// A link between the places of two neighbouring columns before ordering.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Node of the left column.
    pub from: usize,
    /// Node of the right column.
    pub to: usize,
    /// How much flows.
    pub value: f64,
}

/// How often each column is looked at again, from both sides.
const PASSES: usize = 4;

/// For each column the nodes from the top down. `columns` holds (rank, value) of each node: a node of
/// a higher rank stands below all of lower ones, whatever crosses. `links[k]` join columns k and k + 1.
/// Equal input gives equal output; ties go to the smaller number.
pub fn order(columns: &[Vec<(u8, f64)>], links: &[Vec<Link>]) -> Vec<Vec<usize>> {
    let mut best: Vec<Vec<usize>> = columns
        .iter()
        .map(|nodes| {
            let mut order: Vec<usize> = (0..nodes.len()).collect();
            order.sort_by(|a, b| match (nodes.get(*a), nodes.get(*b)) {
                (Some(a), Some(b)) => a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)),
                _ => std::cmp::Ordering::Equal,
            });
            order
        })
        .collect();
    let mut fewest = crossings(&best, links);
    let mut trial = best.clone();
    for pass in 0..PASSES {
        let is_down = pass % 2 == 0;
        for step in 1..columns.len() {
            // From left to right each column looks at the one before it, then back. The first column
            // stays by value: that is where reading begins.
            let (at, beside) = if is_down {
                (step, step - 1)
            } else {
                (columns.len() - 1 - step, columns.len() - step)
            };
            if at == 0 {
                continue;
            }
            let centres = centres(&trial, links, at, beside);
            let (Some(nodes), Some(order)) = (columns.get(at), trial.get_mut(at)) else {
                continue;
            };
            order.sort_by(|a, b| {
                let of = |node: usize| {
                    (
                        nodes.get(node).map_or(0, |(rank, _)| *rank),
                        centres.get(node).copied().unwrap_or(0.0),
                    )
                };
                let (a, b) = (of(*a), of(*b));
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
            });
        }
        let crossed = crossings(&trial, links);
        if crossed < fewest {
            fewest = crossed;
            best.clone_from(&trial);
        }
    }
    best
}

/// Place of each node in its order.
fn places(order: &[usize]) -> Vec<usize> {
    let mut places = vec![0; order.len()];
    for (place, node) in order.iter().enumerate() {
        if let Some(slot) = places.get_mut(*node) {
            *slot = place;
        }
    }
    places
}

/// Mean place of what each node of column `at` is linked to in column `beside`; a node without links
/// keeps its own.
fn centres(orders: &[Vec<usize>], links: &[Vec<Link>], at: usize, beside: usize) -> Vec<f64> {
    let (own, others) = match (orders.get(at), orders.get(beside)) {
        (Some(own), Some(others)) => (places(own), places(others)),
        _ => return Vec::new(),
    };
    let mut sums = vec![(0.0, 0.0); own.len()];
    for link in links.get(at.min(beside)).into_iter().flatten() {
        let (node, other) = if beside < at {
            (link.to, link.from)
        } else {
            (link.from, link.to)
        };
        if let (Some(sum), Some(place)) = (sums.get_mut(node), others.get(other)) {
            sum.0 += link.value * *place as f64;
            sum.1 += link.value;
        }
    }
    sums.iter()
        .zip(&own)
        .map(|((sum, weight), own)| {
            if *weight > 0.0 {
                sum / weight
            } else {
                *own as f64
            }
        })
        .collect()
}

/// How much crosses: for every two links that cross, the smaller of them.
pub fn crossings(orders: &[Vec<usize>], links: &[Vec<Link>]) -> f64 {
    let mut sum = 0.0;
    for (at, level) in links.iter().enumerate() {
        let (Some(left), Some(right)) = (orders.get(at), orders.get(at + 1)) else {
            continue;
        };
        let (left, right) = (places(left), places(right));
        let ends = |link: &Link| {
            (
                left.get(link.from).copied().unwrap_or(0),
                right.get(link.to).copied().unwrap_or(0),
            )
        };
        for (number, a) in level.iter().enumerate() {
            for b in level.iter().skip(number + 1) {
                let (a_ends, b_ends) = (ends(a), ends(b));
                let is_crossed = (a_ends.0 < b_ends.0 && a_ends.1 > b_ends.1)
                    || (a_ends.0 > b_ends.0 && a_ends.1 < b_ends.1);
                if is_crossed {
                    sum += a.value.min(b.value);
                }
            }
        }
    }
    sum
}

use proptest::prelude::*;

use super::marks::Marks;
use crate::report::chart::order::{Link, crossings, order};
use crate::report::chart::{Flow, FlowLink, FlowNode, NodeKind};

fn node(name: &str, kind: NodeKind) -> FlowNode {
    FlowNode {
        name: name.to_owned(),
        note: "53,000 · 29.4%".to_owned(),
        kind,
        title: String::new(),
    }
}

fn flow(columns: Vec<Vec<FlowNode>>, links: Vec<Vec<(usize, usize, f64)>>) -> Flow {
    Flow {
        title: "a".to_owned(),
        description: "b".to_owned(),
        heads: ("页面".to_owned(), "下一页".to_owned()),
        columns,
        links: links
            .into_iter()
            .map(|links| {
                links
                    .into_iter()
                    .map(|(from, to, value)| FlowLink {
                        from,
                        to,
                        value,
                        title: String::new(),
                    })
                    .collect()
            })
            .collect(),
    }
}

prop_compose! {
    fn flows()(sizes in proptest::collection::vec(1..10_usize, 2..5))(
        names in proptest::collection::vec(
            proptest::collection::vec("[a-zA-Z首页商品优惠券 ]{1,16}", 10), sizes.len()),
        links in proptest::collection::vec(
            proptest::collection::vec((0..10_usize, 0..10_usize, -1.0..1e9_f64), 0..40), sizes.len() - 1),
        sizes in Just(sizes),
    ) -> Flow {
        let columns = sizes.iter().zip(&names).map(|(size, names)| {
            (0..*size).map(|at| {
                let kind = match size - at { 1 => NodeKind::Exit, 2 => NodeKind::Other, _ => NodeKind::Plain };
                node(&names[at], kind)
            }).collect()
        }).collect();
        // Some links lead nowhere.
        flow(columns, links)
    }
}

proptest! {
    #[test]
    fn labels_never_overlap_and_all_lies_inside(flow in flows()) {
        let marks = Marks::of(&flow.draw());
        marks.assert_tidy();
        // Every node is drawn, and equal input gives an equal picture.
        let nodes: usize = flow.columns.iter().map(Vec::len).sum();
        prop_assert_eq!(marks.rects.len(), nodes);
        prop_assert_eq!(flow.draw(), flow.clone().draw());
    }

    #[test]
    fn an_order_holds_each_node_once_and_crosses_no_more(flow in flows()) {
        let columns: Vec<Vec<(u8, f64)>> = flow.columns.iter()
            .map(|nodes| nodes.iter().map(|node| (node.kind as u8, 0.0)).collect())
            .collect();
        let links: Vec<Vec<Link>> = flow.links.iter()
            .map(|links| links.iter().map(|link| Link { from: link.from, to: link.to, value: link.value.max(0.0) }).collect())
            .collect();
        let ordered = order(&columns, &links);
        let by_value = order(&columns, &[]);
        for (order, nodes) in ordered.iter().zip(&columns) {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..nodes.len()).collect::<Vec<_>>());
            // The rest and the exit stay at the bottom.
            prop_assert!(order.iter().map(|node| nodes[*node].0).is_sorted());
        }
        prop_assert!(crossings(&ordered, &links) <= crossings(&by_value, &links));
    }
}

#[test]
fn heights_and_bands_are_as_the_values() {
    let plain = |names: &[&str]| {
        names
            .iter()
            .map(|name| node(name, NodeKind::Plain))
            .collect()
    };
    let drawn = flow(
        vec![plain(&["a", "b"]), plain(&["c", "d"])],
        vec![vec![(0, 0, 30.0), (0, 1, 10.0), (1, 1, 60.0)]],
    );
    let marks = Marks::of(&drawn.draw());
    // 220 units for 100: b is 132 high and stands first, a is 88.
    let mut heights: Vec<f64> = marks
        .of_class("node")
        .iter()
        .map(|(_, top, _, bottom)| bottom - top)
        .collect();
    heights.sort_by(f64::total_cmp);
    assert_eq!(
        heights
            .iter()
            .map(|height| height.round())
            .collect::<Vec<_>>(),
        [66.0, 88.0, 132.0, 154.0]
    );
    let mut bands: Vec<f64> = marks
        .bands
        .iter()
        .map(|(_, start, _)| start.round())
        .collect();
    bands.sort_by(f64::total_cmp);
    assert_eq!(bands, [22.0, 66.0, 132.0]);
    for (_, start, end) in &marks.bands {
        assert!((start - end).abs() < 0.011);
    }
}

#[test]
fn a_straight_order_is_found_where_there_is_one() {
    // By value the second column would stand 1, 0; then both links cross.
    let columns = vec![vec![(0, 5.0), (0, 4.0)], vec![(0, 4.0), (0, 5.0)]];
    let links = vec![vec![
        Link {
            from: 0,
            to: 0,
            value: 4.0,
        },
        Link {
            from: 1,
            to: 1,
            value: 4.0,
        },
        Link {
            from: 0,
            to: 1,
            value: 1.0,
        },
    ]];
    let found = order(&columns, &links);
    assert_eq!(found, [vec![0, 1], vec![0, 1]]);
    assert_eq!(crossings(&found, &links), 0.0);
}

#[test]
fn no_flow_is_an_empty_picture() {
    Marks::of(&flow(Vec::new(), Vec::new()).draw()).assert_tidy();
    let lone = vec![vec![node("a", NodeKind::Plain)], Vec::new()];
    Marks::of(&flow(lone, vec![Vec::new()]).draw()).assert_tidy();
}

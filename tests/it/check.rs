//! What `check` finds in SQL before any night does.

use crate::cli::loudou;

const CONTRACT: &str = "build: by_date\ngrain: one row per user and day\nkey: [date, user_id]\ncolumns: {date: {type: date}, user_id: {type: string}, level: {type: int64}}\n";

#[test]
fn a_wrong_constant_of_a_function_is_told_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let project = root.to_str().unwrap();
    assert!(loudou(root, &["init", project]).status.success());
    for (mode, code) in [("strict_order", 0), ("strict", 2)] {
        let sql = format!(
            "select date, user_id, window_funnel(interval '1 day', '{mode}', event_time, event = 'click') as level\n\
             from events where date between $start and $end group by date, user_id\n"
        );
        std::fs::write(root.join("sql/marts/core/depth.sql"), sql).unwrap();
        std::fs::write(root.join("sql/marts/core/depth.yaml"), CONTRACT).unwrap();
        let output = loudou(root, &["check"]);
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert_eq!(
            told.contains("sql/marts/core/depth.sql:1:55: window_funnel: unknown mode 'strict'"),
            code == 2,
            "{told}"
        );
    }
}

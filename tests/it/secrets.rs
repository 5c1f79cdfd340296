//! A secret of the environment and a personal value of the raw logs are planted wherever they could come
//! to light, and looked for in everything that a run leaves behind or says.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::Folder;

/// What stands in the environment, under names that stores and mailers know and under others.
const SECRET: &str = "canary-secret-9f4c1b";
const SECRET_NAMES: [&str; 6] = [
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "SMTP_PASSWORD",
    "LOUDOU_SECRET",
];
/// Whose this is nobody should learn.
const PERSONAL: &str = "canary-phone-13800001111";

/// Every file below a folder that holds a text, tables apart: those are where a declared column is kept.
fn holding(folder: &Path, text: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holding(&path, text, found);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let is_table = path.extension().is_some_and(|end| end == "parquet");
        if !is_table
            && bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
}

fn project() -> Folder {
    let folder = Folder::built_in("Asia/Shanghai");
    folder.edit(
        "pipelines/shop.yaml",
        "      scene: int64\n",
        "      scene: {type: int64, wrong: quarantine}\n      phone: {type: string, from: user.phone, personal: true}\n      mobile: {type: int64, from: user.contact.mobile, personal: true, wrong: quarantine}\n      card: {type: string, personal: true, one_of: [none]}\n",
    );
    folder.edit(
        "pipelines/shop.yaml",
        "{at_most: 0.1%}          #",
        "{at_most: 90%} #",
    );
    let more = format!(
        "sources:\n  access:\n    from: raw/access/\n    layout: \"{{date}}.log\"\n    format: combined\n    duplicates: keep\n    sort_by: [status]\n    quarantine: {{at_most: 90%}}\n    columns: {{status: int64, path: {{type: string, personal: true}}, who: {{type: string, from: auth_user, personal: true}}}}\n  people:\n    from: raw/people/\n    layout: \"{{date}}.csv\"\n    format: csv\n    duplicates: keep\n    sort_by: [n]\n    quarantine: {{at_most: 90%}}\n    columns: {{n: int64, phone: {{type: string, personal: true}}}}\n{}",
        ""
    );
    folder.write("pipelines/more.yaml", more);
    folder
}

fn plant(folder: &Folder) {
    let event = |id: &str, user: serde_json::Value, more: serde_json::Value| {
        let mut line = json!({"event_id": id, "ts": "2026-11-21T10:00:00", "openid": "u1", "event": "pay", "platform": "ios", "user": user});
        let more = more.as_object().unwrap().clone();
        line.as_object_mut().unwrap().extend(more);
        line.to_string()
    };
    let good = json!({"phone": PERSONAL, "level": 3});
    let lines = [
        event("a", good.clone(), json!({})),
        event("b", json!({"level": 1}), json!({})),
        // In lines set aside for another column, for their own, and for no column at all.
        event("c", good.clone(), json!({"scene": "wrong"})),
        event("d", json!({"contact": {"mobile": PERSONAL}}), json!({})),
        event("e", json!({"contact": PERSONAL}), json!({"scene": "wrong"})),
        event("f", json!({}), json!({"card": PERSONAL})),
        event("g", json!([PERSONAL]), json!({"ts": "never"})),
        event("h", json!(PERSONAL), json!({"amount": "1,5"})),
        format!("{{\"event_id\":\"i\",\"user\":{{\"phone\":\"{PERSONAL}\""),
        PERSONAL.to_string(),
        // Twice, and with an escape in the key.
        format!(
            "{{\"event_id\":\"j\",\"ts\":\"x\",\"user\":{{\"phone\":\"{PERSONAL}\"}},\"us\\u0065r\":{{\"ph\\u006fne\":\"{PERSONAL}\"}}}}"
        ),
        // In rows that stay: what is not of the object's kind goes with it.
        event("k", json!(PERSONAL), json!({})),
        event(
            "l",
            json!({"contact": [PERSONAL], "phone": {"is": PERSONAL}, "level": 2}),
            json!({}),
        ),
        format!(
            "{{\"event_id\":\"m\",\"ts\":\"2026-11-21T10:00:00\",\"openid\":\"u1\",\"event\":\"pay\",\"user\":{{\"phone\":\"{PERSONAL}\",\"a\":1,\"ph\\u006fne\":\"{PERSONAL}\"}}}}"
        ),
    ];
    folder.write(
        "raw/events/dt=2026-11-21/hour=10/a.ndjson.gz",
        lines.join("\n"),
    );
    folder.write(
        "raw/access/2026-11-21.log",
        format!("1.1.1.1 - {PERSONAL} [21/Nov/2026:10:00:00 +0800] \"GET /?p={PERSONAL} HTTP/1.1\" 2x0 1 \"-\" \"-\"\n1.1.1.1 - {PERSONAL} [21/Nov/2026:10:00:00 +0800] \"{PERSONAL}\" 200 1 \"-\" \"-\"\n1.1.1.1 {PERSONAL}\n"),
    );
    // A CSV without its header: what is taken for one must not be told.
    folder.write("raw/people/2026-11-20.csv", format!("1,{PERSONAL}\n2,x\n"));
    folder.write(
        "raw/people/2026-11-21.csv",
        format!("n,phone\nx,{PERSONAL}\n1,{PERSONAL},more\n2,\"{PERSONAL}\n"),
    );
}

#[test]
fn neither_a_secret_nor_a_personal_value_comes_to_light() {
    let folder = project();
    plant(&folder);
    let mut said = Vec::new();
    for arguments in [
        &["check"][..],
        &["plan", "--from", "2026-11-20", "--to", "2026-11-21"],
        &["-v", "run", "--from", "2026-11-20", "--to", "2026-11-21"],
        &[
            "run",
            "--from",
            "2026-11-20",
            "--to",
            "2026-11-21",
            "--format",
            "json",
        ],
        &["report", "--date", "2026-11-21"],
        &["ls"],
        &["query", "select no_such_column from events"],
        &["query", "select props from events"],
        &["query", "select props from access"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loudou"));
        command.arg("-C").arg(folder.path(""));
        command
            .args(["--as-of", "2026-11-22T12:00"])
            .args(arguments);
        for name in SECRET_NAMES {
            command.env(name, SECRET);
        }
        let output = command.output().unwrap();
        said.push((arguments.join(" "), [output.stdout, output.stderr].concat()));
    }
    let text = |at: usize| String::from_utf8_lossy(&said[at].1).into_owned();
    // It was all there to be told: rows, bad lines, broken objects, a page.
    assert!(text(2).contains("set aside"), "{}", text(2));
    assert!(text(2).contains("its header (***)"), "{}", text(2));
    assert!(
        folder
            .path("warehouse/_site/2026-11-21/operations.zh-CN.html")
            .is_file()
    );
    let quarantine = folder.quarantine("events", "dt=2026-11-21/hour=10/a.ndjson.gz");
    assert_eq!(quarantine.len(), 9, "{quarantine:#?}");
    assert_eq!(folder.quarantine("access", "2026-11-21.log").len(), 2);
    let phones = folder.column("events", "2026-11-21", "phone");
    assert!(
        phones.iter().any(|phone| phone == PERSONAL),
        "the column itself has it"
    );
    let props = folder.column("events", "2026-11-21", "props");
    assert_eq!(
        props,
        [
            r#"{"user":{"level":3}}"#,
            r#"{"user":{"level":1}}"#,
            "null",
            r#"{"user":{"level":2}}"#,
            r#"{"user":{"a":1}}"#,
        ]
    );
    for canary in [SECRET, PERSONAL] {
        for (arguments, said) in &said {
            let said = String::from_utf8_lossy(said);
            assert!(
                !said.contains(canary),
                "loudou {arguments} says {canary}:\n{said}"
            );
        }
        let mut found = Vec::new();
        for part in ["warehouse", ".loudou"] {
            holding(&folder.path(part), canary, &mut found);
        }
        assert_eq!(found, Vec::<String>::new(), "{canary}");
    }
    // The search itself sees what is there.
    let mut found = Vec::new();
    holding(&folder.path("raw/people"), PERSONAL, &mut found);
    assert_eq!(found.len(), 2);
}

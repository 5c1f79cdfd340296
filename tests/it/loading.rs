//! Whole projects that load: what is written comes out typed, and what is not written is the default.

use std::fs;
use std::path::Path;

use loudou::project::{
    Allowed, Before, Breakdown, Build, ColumnCheck, ColumnRule, CompleteWhen, DAY_US, DataType,
    Duplicates, Duration, ElementType, FileFormat, Format, Good, HOUR_US, KeyFigures, LayoutZone,
    Limits, Locale, MINUTE_US, Memory, Needs, Project, Rule, Severity, Shape, SourceFreshness,
    StepOrder, StoreSettings, TimeFormat,
};

const PROJECT: &str = "\
project: shop
time_zone: America/New_York
locale: en
currency: USD
warehouse: out/tables
catch_up: 2w
memory: 1.5GiB
stores:
  s3://logs/:
    endpoint: http://minio.local:9000/
    region: eu-central-1
    profile: reporting
    addressing: virtual_host
    allow_http: true
    timeout: 20s
    connect_timeout: 2s
    retries: 3
    retry_for: 1m
    concurrency: 8
    lease: 2m
    conditional_writes: cos_forbid_overwrite
  az://logs/: {account: shoplogs}
";

const PIPELINE: &str = r#"
sources:
  events:
    from: ./raw/行为/
    layout: "dt={date}/hour={hour}/*.ndjson.gz"
    layout_zone: utc
    format: ndjson
    time: {field: meta.ts, format: "%Y-%m-%d %H:%M:%S%.f"}
    id: meta.id
    user: openid
    duplicates: whole_row
    columns:
      zone: string
      event: {type: string, from: name}
      amount: {type: "decimal(12,2)", from: props.cart.total, missing: quarantine, wrong: null}
      phone: {type: string, personal: true}
      level: {type: list(int64), one_of: [2, 10, 1], missing: quarantine, null: null}
      seen: {type: timestamp, format: epoch_ms, null: quarantine}
      born: {type: date, format: date}
    late: 1d
    complete_when: {hours: all, may_be_empty: [3, 2], after: 90m}
    quarantine: {at_most: 5%}
    freshness: {warn_after: 6h, fail_after: 1d}
    limits: {object: 2GiB, ratio: 50, line: 1MiB, nesting: 9, fields: 77}
  app:
    from: /data/app
    layout: "{date}.log"
    format: regex
    pattern: '(?P<at>\S+) (?P<message>.*)'
    duplicates: keep
    columns: {message: string}
    sort_by: [message]
  access:
    from: /data/access
    layout: "*.log"
    format: combined
    duplicates: keep
    columns: {path: string}
    sort_by: [path]
  spend:
    from: /data/spend
    layout: "{date}/all.csv"
    complete_when: {marker: _DONE}
    format: csv
    time: {field: "day.local", format: date}
    duplicates: keep
    columns: {channel: string, cost: {type: "decimal(14,2)", from: "cost.usd"}}
    sort_by: [channel, cost]
funnels:
  shop:
    title: {zh-CN: 购买漏斗}
    on: events
    of: phone
    window: 36h
    steps:
      - name: see
        when: |

          event = 'see'
            and zone is not null
      - {name: look, when: "event = 'look'", optional: true}
      - name: pay
        when: "event = 'pay'"
        within: 90m
        golden: 0.35
        title: {zh-CN: 支付, en: Pay}
        fields:
          - {name: card, title: {zh-CN: 卡号, en: Card}, when: "event = 'card'"}
    order: strict
    exclude:
      - {when: "event = 'refund'", after: see, before: pay, then: drop}
      - {when: "event = 'call'"}
    same: [zone]
    next: zone
    value: amount
    by: [zone, [zone, amount], {columns: [zone], at: last, at_least: 30}, {columns: [tier], segments: tiers}]
reports: [operations]
"#;

const CONTRACT: &str = "\
build: by_date
grain: one row per day and zone
key: [zone, date]
reads: {events: {before: 1d, after: 2d}, funnel_steps: {}}
matures_after: 7d
columns:
  zone:
    type: string
    unit: zone
    description: the zone
    personal: true
    checks: [not_null, unique, accepted_values: [a, 2]]
  date: {type: date}
  rate: {type: float64, checks: [{range: {min: 0, max: 1.5}}]}
  few:
    type: int64
    checks:
      - not_null: {severity: warn}
      - unique: {name: each_once}
      - accepted_values: {values: [1, 2], severity: warn, name: one_or_two}
      - relationship: {to: events.amount, severity: stop}
key_figures: {columns: [few], by: [few], where: {few: 1}}
checks:
  - row_count: {min: 1, max: 99, name: some}
  - row_count: {against: same_weekday, within: 150%, at_least_rows: 40, severity: warn}
  - relationship: {columns: [zone], to: events, to_columns: [zone]}
  - sql: {name: \"odd\", query: \"select * from this where few > 2\"}
  - freshness: {column: date, at_most: 1d}
";

const SEGMENTS: &str = "\
build: whole
grain: one row per phone
key: [phone]
columns: {phone: {type: string}, tier: {type: string}}
";

const REPORT: &str = "role: operations\ntitle: {zh-CN: 运营日报, en: Operations}\n";

const SECTION: &str = "\
order: 20
title: {en: Rates}
as: bars
columns:
  rate: {format: percent, good: down, label: {en: Rate}, definition: {en: Paid by visitors}}
  date: {format: date}
";

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A project in which every key of every file is written.
fn full() -> (tempfile::TempDir, Project) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "pipelines/_project.yaml", PROJECT);
    write(root, "pipelines/shop.yaml", PIPELINE);
    write(root, "sql/marts/a/b/rates.sql", "select 1");
    write(root, "sql/marts/a/b/rates.yaml", CONTRACT);
    write(root, "sql/marts/a/tiers.sql", "select 1");
    write(root, "sql/marts/a/tiers.yaml", SEGMENTS);
    write(root, "reports/operations/report.yaml", REPORT);
    write(root, "reports/operations/sections/rates.yaml", SECTION);
    write(
        root,
        "reports/operations/sections/first.yaml",
        &SECTION.replace("order: 20", "order: 1"),
    );
    write(root, "sql/reports/operations/rates.sql", "select 1");
    write(root, "sql/reports/operations/first.sql", "select 1");
    // What tools leave behind is nobody's mistake.
    write(root, "pipelines/.shop.yaml.swp", "");
    write(root, "pipelines/shop.yaml~", "");
    write(root, "sql/marts/a/README.md", "");
    let (project, problems) = loudou::config::load(root);
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, Vec::<String>::new());
    (folder, project.unwrap())
}

#[test]
fn every_key_of_the_schemas_is_written_in_the_full_project() {
    let written = [PROJECT, PIPELINE, CONTRACT, REPORT, SECTION].join("\n");
    for (name, schema) in loudou::config::json_schema() {
        let mut keys = Vec::new();
        collect(&schema, &mut keys);
        assert!(!keys.is_empty());
        for key in keys {
            assert!(
                written.contains(&format!("{key}:")),
                "`{key}` of {name} is not tested"
            );
        }
    }
}

fn collect(schema: &serde_json::Value, keys: &mut Vec<String>) {
    if let Some(properties) = schema
        .get("properties")
        .and_then(serde_json::Value::as_object)
    {
        keys.extend(properties.keys().cloned());
    }
    match schema {
        serde_json::Value::Object(inner) => inner.values().for_each(|inner| collect(inner, keys)),
        serde_json::Value::Array(inner) => inner.iter().for_each(|inner| collect(inner, keys)),
        _ => {}
    }
}

#[test]
fn the_project_file_is_read() {
    let (folder, project) = full();
    let root = folder.path().canonicalize().unwrap();
    assert_eq!(project.root, root);
    assert_eq!(
        (project.name.as_str(), project.currency.as_str()),
        ("shop", "USD")
    );
    assert_eq!(project.zone, chrono_tz::America::New_York);
    assert_eq!(project.locale, Locale::En);
    assert_eq!(project.catch_up_days, 14);
    assert_eq!(project.memory, Memory::Bytes(3 << 29));
    assert_eq!(
        project.warehouse,
        format!("file://{}/out/tables/", root.display())
    );
    assert_eq!(project.warehouse_store, StoreSettings::default());
}

#[test]
fn settings_of_stores_are_read() {
    let (folder, _) = full();
    let root = folder.path();
    let pipeline = PIPELINE.replace("from: ./raw/行为/", "from: s3://logs//events");
    write(root, "pipelines/shop.yaml", &pipeline);
    let text = PROJECT.replace("out/tables", "az://logs");
    write(root, "pipelines/_project.yaml", &text);
    let (project, problems) = loudou::config::load(root);
    assert!(problems.is_empty(), "{problems:?}");
    let project = project.unwrap();
    let source = &project.sources["events"];
    assert_eq!(source.from, "s3://logs/events/");
    let second = std::time::Duration::from_secs;
    assert_eq!(
        source.store,
        StoreSettings {
            endpoint: Some("http://minio.local:9000".to_owned()),
            region: Some("eu-central-1".to_owned()),
            account: None,
            profile: Some("reporting".to_owned()),
            is_virtual_hosted: true,
            allow_http: true,
            timeout: second(20),
            connect_timeout: second(2),
            retries: 3,
            retry_for: second(60),
            concurrency: 8,
            lease: second(120),
            conditional_writes: loudou::project::ConditionalWrites::CosForbidOverwrite,
        }
    );
    assert_eq!(project.warehouse, "az://logs/");
    assert_eq!(project.warehouse_store.account.as_deref(), Some("shoplogs"));
}

#[test]
fn sources_are_read() {
    let (folder, project) = full();
    let root = folder.path().canonicalize().unwrap();
    let events = &project.sources["events"];
    assert_eq!(
        events.from,
        format!("file://{}/raw/%E8%A1%8C%E4%B8%BA/", root.display())
    );
    assert_eq!(
        (events.layout_zone, events.format.clone()),
        (LayoutZone::Utc, FileFormat::Ndjson)
    );
    let time = events.time.as_ref().unwrap();
    assert_eq!(time.field, ["meta", "ts"]);
    assert_eq!(
        time.format,
        TimeFormat::Pattern("%Y-%m-%d %H:%M:%S%.f".to_owned())
    );
    assert_eq!(events.duplicates, Duplicates::WholeRow);
    let names: Vec<&str> = events
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["zone", "event", "amount", "phone", "level", "seen", "born"],
        "in declared order"
    );
    let rules: Vec<_> = events
        .columns
        .iter()
        .map(|column| (column.missing, column.null, column.wrong))
        .collect();
    let (null, quarantine) = (Rule::Null, Rule::Quarantine);
    assert_eq!(
        rules,
        [
            (null, null, quarantine),
            (quarantine, quarantine, quarantine),
            (quarantine, quarantine, null),
            (null, null, quarantine),
            (quarantine, null, quarantine),
            (null, quarantine, quarantine),
            (null, null, quarantine),
        ]
    );
    let (level, seen, born) = (&events.columns[4], &events.columns[5], &events.columns[6]);
    assert_eq!(level.data_type, DataType::List(ElementType::Int64));
    assert_eq!(level.one_of, Some(Allowed::Numbers(vec![1, 2, 10])));
    assert_eq!(seen.format, Some(TimeFormat::EpochMs));
    assert_eq!(born.format, None, "a date's usual spelling");
    assert_eq!(events.columns[2].from, ["props", "cart", "total"]);
    assert_eq!(
        events.columns[2].data_type,
        DataType::Decimal {
            precision: 12,
            scale: 2
        }
    );
    assert!(events.columns[3].personal && !events.columns[0].personal);
    assert_eq!(events.late, Duration::from_days(1));
    assert_eq!(events.complete_when.after.us(), HOUR_US * 3 / 2);
    assert_eq!(
        events.complete_when.needs,
        Needs::Hours {
            may_be_empty: [2, 3].into()
        }
    );
    assert_eq!(events.quarantine_at_most, 0.05);
    let limits = Limits {
        object_bytes: 2 << 30,
        ratio: 50,
        line_bytes: 1 << 20,
        nesting: 9,
        fields: 77,
    };
    assert_eq!(events.limits, limits);
    assert_eq!(project.sources["spend"].limits, Limits::DEFAULT);
    let FileFormat::Regex(pattern) = &project.sources["app"].format else {
        unreachable!("another format")
    };
    assert_eq!(pattern.names(), ["at", "message"]);
    let access = &project.sources["access"];
    assert_eq!(access.format, FileFormat::Combined);
    let time = access.time.as_ref().unwrap();
    assert_eq!(
        (time.field.join("."), time.format.name()),
        ("time".to_owned(), "%d/%b/%Y:%H:%M:%S %z")
    );
    assert_eq!(
        events.freshness,
        Some(SourceFreshness {
            warn_after: Duration::parse("6h"),
            fail_after: Duration::parse("1d"),
        })
    );

    let spend = &project.sources["spend"];
    assert_eq!(spend.from, "file:///data/spend/");
    assert_eq!(
        spend.time.as_ref().unwrap().field,
        ["day.local"],
        "a CSV header is one name"
    );
    assert_eq!(spend.columns[1].from, ["cost.usd"]);
    assert_eq!(spend.sort_by, ["channel", "cost"]);
    assert_eq!(
        (spend.late, spend.complete_when.clone()),
        (
            Duration::from_days(3),
            CompleteWhen {
                after: Duration::from_us(0),
                needs: Needs::Marker("_DONE".into())
            }
        )
    );
    assert_eq!(
        (spend.quarantine_at_most, spend.layout_zone),
        (0.001, LayoutZone::Project)
    );
}

#[test]
fn funnels_are_read_with_places() {
    let (_folder, project) = full();
    let funnel = &project.funnels["shop"];
    assert_eq!(funnel.title.get(Locale::ZhCn), "购买漏斗");
    assert_eq!(funnel.title.get(Locale::En), "shop");
    assert_eq!(
        (funnel.entity.as_str(), funnel.window.us()),
        ("phone", DAY_US * 3 / 2)
    );
    assert_eq!(funnel.order, StepOrder::Strict);
    let rest = (&funnel.next, &funnel.value, funnel.same.as_slice());
    let (zone, amount) = (Some("zone".to_owned()), Some("amount".to_owned()));
    assert_eq!(rest, (&zone, &amount, ["zone".to_owned()].as_slice()));
    let lines: Vec<&str> = PIPELINE.lines().collect();
    let place = |(file, line, column): &(String, usize, usize)| {
        assert_eq!(file, "pipelines/shop.yaml");
        lines[line - 1].chars().skip(column - 1).collect::<String>()
    };
    assert_eq!(place(&funnel.place), "shop:");
    // Places inside the condition count from its first line, blank ones included.
    assert_eq!(
        funnel.steps[0].when.sql,
        "\nevent = 'see'\n  and zone is not null\n"
    );
    let (file, line, column) = funnel.steps[0].when.place.clone();
    assert_eq!(place(&(file, line + 1, column)), "event = 'see'");
    assert!(funnel.steps[1].is_optional && !funnel.steps[0].is_optional);
    let pay = &funnel.steps[2];
    assert!(place(&pay.when.place).starts_with("event = 'pay'\""));
    assert_eq!((pay.golden, pay.title.get(Locale::En)), (Some(0.35), "Pay"));
    assert_eq!(pay.within.map(Duration::us), Some(90 * MINUTE_US));
    assert_eq!(pay.fields[0].title.get(Locale::ZhCn), "卡号");
    assert!(place(&pay.fields[0].when.place).starts_with("event = 'card'\""));
    let [refund, call] = funnel.exclusions.as_slice() else {
        panic!("two exclusions")
    };
    assert_eq!((refund.after, refund.before, refund.drops), (0, 2, true));
    assert_eq!((call.after, call.before, call.drops), (0, 2, false));
    let by: Vec<_> = funnel.by.iter().map(Breakdown::name).collect();
    assert_eq!(by, ["zone", "zone,amount", "zone@last", "tier"]);
    let segments = funnel.by[3].segments.as_ref();
    assert!(segments.is_some_and(|of| of.table == "tiers" && !of.by_date));
    assert_eq!(funnel.by[2].at_least, Some(30));
    assert_eq!(funnel.steps[0].title.get(Locale::En), "see");
}

#[test]
fn contracts_are_read() {
    let (_folder, project) = full();
    let contract = &project.contracts["rates"];
    assert_eq!(contract.sql_path, "sql/marts/a/b/rates.sql");
    assert_eq!(contract.yaml_path, "sql/marts/a/b/rates.yaml");
    assert_eq!(
        (contract.build, contract.key.join(",")),
        (Build::ByDate, "zone,date".to_owned())
    );
    let reads: Vec<_> = contract
        .reads
        .iter()
        .map(|reads| (reads.table.as_str(), reads.before, reads.after_days))
        .collect();
    assert_eq!(
        reads,
        [
            ("events", Before::Days(1), 2),
            ("funnel_steps", Before::Days(0), 0)
        ]
    );
    assert_eq!(contract.matures_after, Duration::from_days(7));
    assert_eq!(
        contract.columns[0].checks,
        [
            ColumnRule::NotNull.into(),
            ColumnRule::Unique.into(),
            ColumnRule::AcceptedValues(vec!["a".to_owned(), "2".to_owned()]).into()
        ]
    );
    assert_eq!(
        contract.columns[2].checks,
        [ColumnRule::Range {
            min: Some(0.0),
            max: Some(1.5)
        }
        .into()]
    );
    assert_eq!(contract.columns[0].unit.as_deref(), Some("zone"));
    assert!(contract.columns[0].personal && !contract.columns[1].personal);
    let check = |rule: ColumnRule, severity, name: Option<&str>| ColumnCheck {
        rule,
        severity,
        name: name.map(str::to_owned),
    };
    assert_eq!(
        contract.columns[3].checks,
        [
            check(ColumnRule::NotNull, Severity::Warn, None),
            check(ColumnRule::Unique, Severity::Stop, Some("each_once")),
            check(
                ColumnRule::AcceptedValues(vec!["1".to_owned(), "2".to_owned()]),
                Severity::Warn,
                Some("one_or_two")
            ),
        ]
    );
    assert_eq!(
        contract.key_figures,
        Some(KeyFigures {
            columns: vec!["few".into()],
            by: vec!["few".into()],
            only: vec![("few".into(), "1".into())],
        })
    );
    let words: Vec<String> = contract
        .checks
        .iter()
        .map(|check| {
            let words = loudou::table::audit::words(&check.rule, check.name.as_deref());
            format!("{} ({})", words, check.severity.word())
        })
        .collect();
    assert_eq!(
        words,
        [
            "few: relationship to events.amount (stop)",
            "row_count 1 to 99 (stop)",
            "row_count within 150% of same_weekday (warn)",
            "zone: relationship to events.zone (stop)",
            "odd (stop)",
            "date: freshness within 1d (stop)",
        ]
    );
}

#[test]
fn reports_are_read_in_order() {
    let (_folder, project) = full();
    let report = &project.reports[0];
    assert_eq!(
        (report.role.as_str(), report.title.get(Locale::ZhCn)),
        ("operations", "运营日报")
    );
    let sections: Vec<_> = report
        .sections
        .iter()
        .map(|section| (section.order, section.name.as_str()))
        .collect();
    assert_eq!(sections, [(1, "first"), (20, "rates")]);
    let section = &report.sections[1];
    assert_eq!(section.sql_path, "sql/reports/operations/rates.sql");
    assert_eq!(section.shape, Shape::Bars);
    let columns: Vec<_> = section
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.format, column.good))
        .collect();
    assert_eq!(
        columns,
        [
            ("rate", Format::Percent, Good::Down),
            ("date", Format::Date, Good::Neutral)
        ]
    );
    assert_eq!(
        section.columns[0].label.as_ref().unwrap().get(Locale::En),
        "Rate"
    );
    assert!(section.columns[1].label.is_none());
    let definition = section.columns[0].definition.as_ref().unwrap();
    assert_eq!(definition.get(Locale::En), "Paid by visitors");
    assert!(section.columns[1].definition.is_none());
}

#[test]
fn the_root_is_the_nearest_project_above() {
    let (folder, project) = full();
    let inner = folder.path().join("sql/marts/a");
    assert_eq!(loudou::config::find_root(&inner).unwrap(), project.root);
    assert_eq!(
        loudou::config::find_root(folder.path()).unwrap(),
        project.root
    );
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(loudou::config::find_root(elsewhere.path()), None);
}

#[test]
fn a_file_in_the_wrong_place_prevents_nothing() {
    let (folder, _) = full();
    write(folder.path(), "pipelines/more.yml", "sources: {}");
    let (project, problems) = loudou::config::load(folder.path());
    assert_eq!(problems.len(), 1);
    assert!(project.is_some());
    write(folder.path(), "pipelines/more.yaml", "source: {}");
    let (project, problems) = loudou::config::load(folder.path());
    assert_eq!(problems.len(), 2);
    assert!(project.is_none());
}

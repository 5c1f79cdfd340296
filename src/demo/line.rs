//! One event as one line of JSON, written by hand into a byte buffer.

use super::calendar::{Calendar, Local};
use super::delivery::{Fault, Form, Line};
use super::person::Person;
use super::random::mix;
use super::screen;
use super::visit::{Event, NO_USER};
use super::world::{
    ANDROID_MODELS, APP_VERSIONS, CHANNELS, CITIES, COURSE_NAMES, IOS_MODELS, Kind, NETWORKS,
    NICKNAMES, PRODUCT_NAMES, Page, Platform,
};

/// Which parts of the object are left out or spoiled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoil {
    Nothing,
    NoTime,
    BadTime,
    NoEvent,
}

/// Appends the line with its newline.
pub fn write(
    out: &mut Vec<u8>,
    calendar: &Calendar,
    people: &[Person],
    event: &Event,
    line: &Line,
) {
    let time_ms = line.time_ms(event);
    match line.form {
        Form::Event | Form::Copy { .. } => {
            object(out, calendar, people, event, time_ms, Spoil::Nothing)
        }
        Form::TooLate { id, .. } => {
            object(
                out,
                calendar,
                people,
                &Event { id, ..*event },
                time_ms,
                Spoil::Nothing,
            );
        }
        Form::Blank => {}
        Form::Broken { fault, salt } => {
            // Under an id of its own: nothing that is read twice may hide behind it.
            let event = Event {
                id: mix(event.id ^ u64::from(salt)),
                ..*event
            };
            match fault {
                Fault::Cut => cut(out, calendar, people, &event, usize::from(salt)),
                Fault::NotObject => out.extend_from_slice(match salt % 4 {
                    0 => b"[\"page_view\",\"home\"]".as_slice(),
                    1 => b"\"page_view\"",
                    2 => b"null",
                    _ => b"20261111",
                }),
                Fault::TimeMissing => object(out, calendar, people, &event, time_ms, Spoil::NoTime),
                Fault::TimeUnreadable => {
                    object(out, calendar, people, &event, time_ms, Spoil::BadTime)
                }
                Fault::EventMissing => {
                    object(out, calendar, people, &event, time_ms, Spoil::NoEvent)
                }
            }
        }
    }
    out.push(b'\n');
}

/// The first part of an object, at least its brace and never its end.
fn cut(out: &mut Vec<u8>, calendar: &Calendar, people: &[Person], event: &Event, salt: usize) {
    let start = out.len();
    object(out, calendar, people, event, event.time_ms, Spoil::Nothing);
    let mut length = 1 + salt % (out.len() - start - 2);
    // Characters stay whole: what is broken here is the JSON, not the encoding.
    while out[start + length] & 0xc0 == 0x80 {
        length -= 1;
    }
    out.truncate(start + length);
}

/// The platform an event is written with; those without a user have one too.
pub fn platform_of(people: &[Person], event: &Event) -> Platform {
    people.get(event.user as usize).map_or(
        Platform::ALL[(mix(event.id) >> 40) as usize % 2],
        |person| person.platform,
    )
}

fn object(
    out: &mut Vec<u8>,
    calendar: &Calendar,
    people: &[Person],
    event: &Event,
    time_ms: i64,
    spoil: Spoil,
) {
    let person = (event.user != NO_USER).then(|| &people[event.user as usize]);
    // Everything about an event that no case plants comes from its id.
    let chance = mix(event.id.wrapping_add(1));
    let look = person.map_or(chance as u32, |person| person.look);
    let platform = platform_of(people, event);

    out.extend_from_slice(b"{\"event_id\":\"");
    hexadecimal(out, event.id);
    match spoil {
        Spoil::NoTime => out.push(b'"'),
        Spoil::BadTime => {
            let bad = [
                "刚刚",
                "2026-02-30T08:15:00.000+08:00",
                "",
                "0000-00-00 00:00:00",
            ];
            text_field(out, "\",\"ts\":\"", bad[chance as usize % bad.len()]);
        }
        Spoil::Nothing | Spoil::NoEvent => {
            out.extend_from_slice(b"\",\"ts\":\"");
            let is_utc = person.is_some_and(|person| person.has_utc_clock);
            timestamp(out, calendar, time_ms, is_utc);
            out.push(b'"');
        }
    }
    match spoil {
        Spoil::NoEvent if chance & 1 == 0 => out.extend_from_slice(b",\"event\":null"),
        Spoil::NoEvent => {}
        _ => text_field(out, ",\"event\":\"", event.kind.name()),
    }
    if let Some(person) = person {
        text_field(out, ",\"openid\":\"", &person.openid);
    } else if chance & 1 == 0 {
        out.extend_from_slice(b",\"openid\":null");
    }
    text_field(out, ",\"platform\":\"", platform.name());
    text_field(
        out,
        ",\"app_version\":\"",
        APP_VERSIONS[look as usize % APP_VERSIONS.len()],
    );
    text_field(
        out,
        ",\"channel\":\"",
        person.map_or("moments", |person| CHANNELS[person.channel].name),
    );
    out.extend_from_slice(b",\"scene\":");
    number(out, u64::from(event.scene), 1);
    if event.page != Page::None {
        text_field(out, ",\"page\":\"", event.page.name());
    }
    if event.kind.is_touch() {
        touch(out, event, platform, look);
    }
    if event.item != 0 {
        let is_course = event.kind.is_course() || event.page.is_course();
        let prefix = if is_course {
            ",\"course_id\":\"C"
        } else {
            ",\"product_id\":\"P"
        };
        out.extend_from_slice(prefix.as_bytes());
        number(out, u64::from(event.item), 4);
        out.push(b'"');
    }
    if event.order != 0 {
        out.extend_from_slice(b",\"order_id\":\"");
        number(out, u64::from(event.user) + 1, 8);
        out.push(b'-');
        number(out, u64::from(event.order), 4);
        out.extend_from_slice(b"\",\"amount\":\"");
        number(out, u64::from(event.amount_fen / 100), 1);
        out.push(b'.');
        number(out, u64::from(event.amount_fen % 100), 2);
        out.push(b'"');
    }
    if !event.kind.is_touch() {
        undeclared(out, event, platform, look, chance);
    }
    out.push(b'}');
}

/// What a finger did, and on which screen.
fn touch(out: &mut Vec<u8>, event: &Event, platform: Platform, look: u32) {
    match event.kind {
        Kind::RegisterField => {
            text_field(out, ",\"field\":\"", event.touched.name());
            return;
        }
        Kind::Scroll => size_field(out, ",\"scroll_pct\":", u16::from(event.scroll_pct)),
        _ => {
            size_field(out, ",\"x\":", event.x);
            size_field(out, ",\"y\":", event.y);
            text_field(out, ",\"element\":\"", event.touched.name());
        }
    }
    let width = screen::width(platform, look);
    size_field(out, ",\"screen_width\":", width);
    let height = screen::page_height(event.page, event.item, width);
    size_field(out, ",\"page_height\":", height);
}

fn model(platform: Platform, look: u32) -> &'static str {
    let models: &[&'static str] = match platform {
        Platform::Ios => &IOS_MODELS,
        Platform::Android => &ANDROID_MODELS,
    };
    models[screen::model_index(platform, look)]
}

/// What no project declares: an object with device and words, and stray fields now and then.
fn undeclared(out: &mut Vec<u8>, event: &Event, platform: Platform, look: u32, chance: u64) {
    let pick = |texts: &[&'static str], bits: u32| texts[(bits >> 8) as usize % texts.len()];
    let model = model(platform, look);
    text_field(
        out,
        ",\"props\":{\"network\":\"",
        pick(&NETWORKS, (chance >> 16) as u32),
    );
    text_field(out, ",\"model\":\"", model);
    text_field(out, ",\"city\":\"", pick(&CITIES, look >> 4));
    if event.item != 0 && event.kind != Kind::Exposure {
        let names = if event.kind.is_course() || event.page.is_course() {
            &COURSE_NAMES[..]
        } else {
            &PRODUCT_NAMES
        };
        text_field(
            out,
            ",\"title\":\"",
            names[usize::from(event.item) % names.len()],
        );
    }
    if matches!(event.kind, Kind::Register | Kind::Login) {
        text_field(out, ",\"nickname\":\"", pick(&NICKNAMES, look >> 8));
    }
    out.push(b'}');
    match chance % 512 {
        0..=7 => out.extend_from_slice(b",\"debug\":true"),
        8..=11 => out.extend_from_slice(b",\"battery\":0.37,\"tags\":[\"a\",{\"b\":null}]"),
        12..=15 => out.extend_from_slice(b", \"utm_content\" : \"\\u65b0\\u54c1 {\\\"x\\\":1}\""),
        _ => {}
    }
}

/// `,"name":"` and text and the closing quote.
fn text_field(out: &mut Vec<u8>, opening: &str, text: &str) {
    out.extend_from_slice(opening.as_bytes());
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// `,"name":` and the number.
fn size_field(out: &mut Vec<u8>, opening: &str, value: u16) {
    out.extend_from_slice(opening.as_bytes());
    number(out, u64::from(value), 1);
}

fn hexadecimal(out: &mut Vec<u8>, value: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(
        (0..16)
            .rev()
            .map(|digit| DIGITS[(value >> (digit * 4)) as usize & 15]),
    );
}

/// Decimal, with at least so many digits.
fn number(out: &mut Vec<u8>, mut value: u64, digits: usize) {
    let mut text = [b'0'; 20];
    let mut at = text.len();
    while value > 0 || text.len() - at < digits {
        at -= 1;
        text[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&text[at..]);
}

/// `2026-10-18T08:12:33.123+08:00` by the project's clock, or `…Z` by UTC.
fn timestamp(out: &mut Vec<u8>, calendar: &Calendar, time_ms: i64, is_utc: bool) {
    let clock: Local = if is_utc {
        calendar.utc(time_ms)
    } else {
        calendar.local(time_ms)
    };
    let ms = clock.ms as u64;
    out.extend_from_slice(calendar.date(clock.day).as_bytes());
    for (separator, part, digits) in [
        (b'T', ms / 3_600_000, 2),
        (b':', ms / 60_000 % 60, 2),
        (b':', ms / 1_000 % 60, 2),
        (b'.', ms % 1_000, 3),
    ] {
        out.push(separator);
        number(out, part, digits);
    }
    if is_utc {
        out.push(b'Z');
        return;
    }
    let minutes = clock.offset_ms.unsigned_abs() / 60_000;
    out.push(if clock.offset_ms < 0 { b'-' } else { b'+' });
    number(out, minutes / 60, 2);
    out.push(b':');
    number(out, minutes % 60, 2);
}

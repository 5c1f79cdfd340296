//! What the paid channels cost: one CSV a date, in step with the new users they brought.

use super::person::Person;
use super::random::{Purpose, Random};
use super::truth::money;
use super::world::CHANNELS;

/// One campaign on one date.
#[derive(Debug, Clone)]
pub struct SpendRow {
    pub channel: &'static str,
    pub campaign: &'static str,
    pub impressions: u64,
    pub clicks: u64,
    pub spend_fen: u64,
}

/// Rows of a day; a paid channel that brought nobody still costs something.
pub fn rows(seed: u64, day: u32, people: &[Person]) -> Vec<SpendRow> {
    let mut new_users = [0_u64; CHANNELS.len()];
    for person in people.iter().filter(|person| person.first_day == Some(day)) {
        new_users[person.channel] += 1;
    }
    let mut random = Random::stream(seed, Purpose::Spend, u64::from(day));
    let mut rows = Vec::new();
    for (channel, new_users) in CHANNELS.iter().zip(new_users) {
        // Spending on what brings only bouncers ends with them.
        if channel.bouncers > 0 && new_users == 0 {
            continue;
        }
        for campaign in channel.campaigns {
            // Each campaign's part of the users, by and large, at a cost that wavers by a quarter.
            let users_100 = (new_users * 100 + 50) / channel.campaigns.len() as u64;
            let waver_pct = random.between(75, 125) as u64;
            let spend_fen = u64::from(channel.cost_fen) * users_100 * waver_pct / 10_000;
            let clicks = users_100 * random.between(180, 320) as u64 / 10_000 + 1;
            let impressions = clicks * random.between(22, 60) as u64;
            rows.push(SpendRow {
                channel: channel.name,
                campaign,
                impressions,
                clicks,
                spend_fen,
            });
        }
    }
    rows
}

/// The file's text.
pub fn csv(date: &str, rows: &[SpendRow]) -> String {
    let mut text = "date,channel,campaign,impressions,clicks,spend\n".to_owned();
    for row in rows {
        let (channel, campaign) = (quoted(row.channel), quoted(row.campaign));
        let spend = money(row.spend_fen);
        text.push_str(&format!(
            "{date},{channel},{campaign},{},{},{spend}\n",
            row.impressions, row.clicks
        ));
    }
    text
}

/// A CSV field, in quotes where it must be.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_commas_and_quotes_are_quoted() {
        let rows = [SpendRow {
            channel: "kol",
            campaign: "a,\"b\"",
            impressions: 10,
            clicks: 2,
            spend_fen: 1_205,
        }];
        let text = csv("2026-10-18", &rows);
        assert_eq!(
            text.lines().nth(1),
            Some("2026-10-18,kol,\"a,\"\"b\"\"\",10,2,12.05")
        );
    }
}

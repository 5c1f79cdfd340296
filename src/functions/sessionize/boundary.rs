//! Where one user's sessions begin. Knows time, campaign and the local calendar, nothing of columns.

use chrono_tz::Tz;

use crate::functions::local_clock::LocalClock;

/// The settable rules of sessions.
#[derive(Debug, Clone, Copy)]
pub struct SessionRules {
    /// A longer pause ends a session. Shorter than any day.
    pub gap_us: i64,
    /// The first event of every local day begins a session.
    pub cut_at_midnight: bool,
}

/// Walks one user's events in order and tells which begin a session.
#[derive(Debug)]
pub struct SessionBoundary {
    rules: SessionRules,
    clock: LocalClock,
    last: Option<LastEvent>,
    /// The session's campaign: the last one seen in it.
    campaign: Option<String>,
}

/// The event before, and what is known of its local day up to it.
#[derive(Debug, Clone, Copy)]
struct LastEvent {
    time_us: i64,
    /// The instant at which the next local day begins.
    day_end_us: i64,
    /// From the day's beginning to this event there was no pause longer than the gap.
    is_unbroken: bool,
}

impl LastEvent {
    fn is_in_day_of(&self, time_us: i64) -> bool {
        time_us < self.day_end_us
    }
}

/// Why an event's session cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundaryError {
    /// The event before is later.
    Backwards,
    /// No local day is known for the time.
    OutsideCalendar,
}

impl SessionBoundary {
    /// Before the first event.
    pub fn new(zone: Tz, rules: SessionRules) -> Self {
        Self {
            rules,
            clock: LocalClock::new(zone),
            last: None,
            campaign: None,
        }
    }

    /// Takes the user's next event; true if a session begins with it.
    pub fn begins_session(
        &mut self,
        time_us: i64,
        campaign: Option<&str>,
    ) -> Result<bool, BoundaryError> {
        let (this, begins_by_time) = match self.last {
            None => (self.first_of_day(time_us)?, true),
            Some(last) if time_us < last.time_us => return Err(BoundaryError::Backwards),
            Some(last) => {
                let is_paused = time_us.saturating_sub(last.time_us) > self.rules.gap_us;
                if last.is_in_day_of(time_us) {
                    let this = LastEvent {
                        time_us,
                        is_unbroken: last.is_unbroken && !is_paused,
                        ..last
                    };
                    (this, is_paused)
                } else {
                    let this = self.first_of_day(time_us)?;
                    // If the day before was not `last`'s, there was a pause of a whole day.
                    let whole_day_unbroken =
                        last.is_unbroken && last.day_end_us - last.time_us <= self.rules.gap_us;
                    let is_cut = self.rules.cut_at_midnight || whole_day_unbroken;
                    (this, is_paused || is_cut)
                }
            }
        };
        self.last = Some(this);
        let campaign_changed =
            campaign.is_some_and(|campaign| self.campaign.as_deref() != Some(campaign));
        let begins = begins_by_time || campaign_changed;
        if campaign_changed || (begins && self.campaign.is_some()) {
            self.campaign = campaign.map(str::to_owned);
        }
        Ok(begins)
    }

    fn first_of_day(&mut self, time_us: i64) -> Result<LastEvent, BoundaryError> {
        let local_day = self
            .clock
            .local_day(time_us)
            .ok_or(BoundaryError::OutsideCalendar)?;
        let mut start_of = |day| {
            self.clock
                .day_start_us(day)
                .ok_or(BoundaryError::OutsideCalendar)
        };
        let day_start_us = start_of(local_day)?;
        let day_end_us = start_of(local_day.saturating_add(1))?;
        Ok(LastEvent {
            time_us,
            day_end_us,
            is_unbroken: time_us - day_start_us <= self.rules.gap_us,
        })
    }
}

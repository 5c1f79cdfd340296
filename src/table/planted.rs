//! Mistakes that the fault plan plants, to see that it finds them. Outside of tests there are none.

/// A mistake, each a way of publishing that has been got wrong somewhere.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "only the fault plan plants mistakes")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mistake {
    /// After a doubt, the log is looked at before the object instead of after it.
    LogBeforeObject,
    /// What is published is not compared with the log when a run begins.
    NoVerification,
    /// Objects are replaced before the commit that names them is in the log.
    PublishBeforeCommit,
    /// A condition that was not met counts as success.
    RefusalTakenAsSuccess,
    /// Files and folders are not synced.
    SyncLeftOut,
    /// The end of the log is looked for in a listing.
    TailByListing,
    /// An object whose outcome is unknown is deleted before the next try.
    DeletionOnUnknown,
}

/// Whether a mistake is planted.
#[cfg(not(test))]
pub(super) const fn is(_: Mistake) -> bool {
    false
}

#[cfg(test)]
pub(super) use planting::{is, with};

#[cfg(test)]
mod planting {
    use std::cell::Cell;

    use super::Mistake;

    thread_local! {
        static PLANTED: Cell<Option<Mistake>> = const { Cell::new(None) };
    }

    /// Whether a mistake is planted in this thread.
    pub(in crate::table) fn is(mistake: Mistake) -> bool {
        PLANTED.get() == Some(mistake)
    }

    /// Does something with a mistake planted.
    pub(in crate::table) fn with<T>(mistake: Option<Mistake>, act: impl FnOnce() -> T) -> T {
        PLANTED.set(mistake);
        let result = act();
        PLANTED.set(None);
        result
    }
}

//! Hand-checked days in three time zones.

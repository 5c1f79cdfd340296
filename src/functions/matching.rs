//! Steps given to rows, one row one step: a bipartite matching, found by augmenting paths.

/// Which row each step has; it keeps its room from one use to the next.
#[derive(Debug, Default)]
pub struct Matching {
    /// The steps each row matches, as bits.
    masks: Vec<u32>,
    /// Which step each row fills at present.
    filled: Vec<Option<usize>>,
    /// Rows already tried for the step at hand.
    tried: Vec<bool>,
}

impl Matching {
    /// Nothing given yet, for rows that match these steps.
    pub fn of(masks: impl IntoIterator<Item = u32>) -> Self {
        let mut matching = Self::default();
        matching.begin(masks);
        matching
    }

    /// The same, in the room there is.
    pub fn begin(&mut self, masks: impl IntoIterator<Item = u32>) {
        self.masks.clear();
        self.masks.extend(masks);
        self.filled.clear();
        self.filled.resize(self.masks.len(), None);
    }

    /// Gives one more step a row, moving others where that helps; false where none can be had.
    pub fn add(&mut self, step: usize) -> bool {
        self.tried.clear();
        self.tried.resize(self.masks.len(), false);
        self.find(step)
    }

    fn find(&mut self, step: usize) -> bool {
        for row in 0..self.masks.len() {
            if self.tried[row] || self.masks[row] >> step & 1 == 0 {
                continue;
            }
            self.tried[row] = true;
            let is_free = match self.filled[row] {
                None => true,
                Some(other) => self.find(other),
            };
            if is_free {
                self.filled[row] = Some(step);
                return true;
            }
        }
        false
    }

    /// Takes a step its row.
    pub fn give_up(&mut self, step: usize) {
        for filled in &mut self.filled {
            if *filled == Some(step) {
                *filled = None;
            }
        }
    }

    /// The row that a step has.
    pub fn row_of(&self, step: usize) -> Option<usize> {
        self.filled.iter().position(|filled| *filled == Some(step))
    }
}

/// How many of the first `steps` steps rows can fill, one row one step.
pub fn most_steps(masks: impl IntoIterator<Item = u32>, steps: usize) -> usize {
    let mut matching = Matching::of(masks);
    (0..steps).filter(|step| matching.add(*step)).count()
}

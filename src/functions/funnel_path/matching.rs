//! Steps given to rows, one row one step: a bipartite matching by augmenting paths.

/// Which row each step has.
#[derive(Debug)]
pub struct Matching<'a> {
    masks: &'a [u32],
    /// The step that each row fills.
    filled: Vec<Option<usize>>,
    /// Rows already tried for the step at hand.
    tried: Vec<bool>,
}

impl<'a> Matching<'a> {
    /// Nothing is given yet. `masks` are the steps that each row matches.
    pub fn new(masks: &'a [u32]) -> Self {
        Self {
            masks,
            filled: vec![None; masks.len()],
            tried: vec![false; masks.len()],
        }
    }

    /// Gives one more step a row, moving others where that helps; false where none can be had.
    pub fn add(&mut self, step: usize) -> bool {
        self.tried.fill(false);
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

    /// The row that a step has.
    pub fn row_of(&self, step: usize) -> Option<usize> {
        self.filled.iter().position(|filled| *filled == Some(step))
    }
}

/// How many different steps rows can fill, one row one step.
pub fn most_steps(masks: &[u32], steps: usize) -> usize {
    let mut matching = Matching::new(masks);
    (0..steps).filter(|step| matching.add(*step)).count()
}

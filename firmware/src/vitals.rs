//! How the processor is: what work costs it, how deep its stack gets, what RAM is left.

use core::sync::atomic::{Ordering, compiler_fence};

use chainrule::link::{Machine, Vitals};

/// A counter of instructions, cycles or ticks.
pub trait Counter {
    /// What it shows; it counts up and wraps. Nothing where there is no counter.
    fn count(&mut self) -> Option<u32>;
}

/// No counter.
pub struct NoCounter;

impl Counter for NoCounter {
    fn count(&mut self) -> Option<u32> {
        None
    }
}

/// The stack, as far as vitals are about it: addresses, growing downwards.
pub trait Stack {
    /// Where it begins.
    fn top(&self) -> usize;
    /// Where its end is now.
    fn here(&self) -> usize;
    /// The deepest it has been since it was last painted.
    fn deepest(&self) -> usize;
    /// Where the memory below it begins.
    fn bottom(&self) -> usize;
    /// Forgets how deep it has been.
    fn paint(&mut self);
}

/// Measures what a session has the processor do.
pub struct Meter<C, S> {
    counter: C,
    stack: S,
    since: u32,
    counted: u64,
    works: u32,
    /// Where the stack was when work began.
    work: usize,
}

impl<C: Counter, S: Stack> Meter<C, S> {
    /// Measures from here on.
    pub fn new(counter: C, mut stack: S) -> Self {
        stack.paint();
        let work = stack.top();
        Meter { counter, stack, since: 0, counted: 0, works: 0, work }
    }

    fn count(&mut self) -> u32 {
        // What is counted must not move out from between two readings.
        compiler_fence(Ordering::SeqCst);
        let count = self.counter.count().unwrap_or(0);
        compiler_fence(Ordering::SeqCst);
        count
    }
}

impl<C: Counter, S: Stack> Machine for Meter<C, S> {
    #[inline(always)]
    fn work_begins(&mut self) {
        self.works = self.works.wrapping_add(1);
        self.work = self.stack.here();
        self.since = self.count();
    }

    #[inline(always)]
    fn work_ends(&mut self) {
        let now = self.count();
        self.counted = self.counted.wrapping_add(u64::from(now.wrapping_sub(self.since)));
    }

    fn vitals(&mut self, anew: bool) -> Vitals {
        let (counted, works, work) = (self.counted, self.works, self.work);
        self.work_begins();
        self.work_ends();
        let nothing = self.counted.wrapping_sub(counted) as u32;
        (self.counted, self.works, self.work) = (counted, works, work);
        let deepest = self.stack.deepest();
        let vitals = Vitals {
            counted: self.counter.count().map(|_| counted),
            nothing,
            works,
            stack: Some(self.stack.top().saturating_sub(deepest) as u32),
            work_stack: (works > 0).then_some(work.saturating_sub(deepest) as u32),
            free: Some(deepest.saturating_sub(self.stack.bottom()) as u32),
        };
        if anew {
            (self.counted, self.works, self.work) = (0, 0, self.stack.top());
            self.stack.paint();
        }
        vitals
    }
}

#[cfg(test)]
mod tests {
    use super::{Counter, Meter, Stack};
    use chainrule::link::Machine;

    /// Counts by sevens, just before it wraps.
    struct Sevens(u32);

    impl Counter for Sevens {
        fn count(&mut self) -> Option<u32> {
            self.0 = self.0.wrapping_add(7);
            Some(self.0)
        }
    }

    struct Fixed {
        deepest: usize,
        painted: u32,
    }

    impl Stack for Fixed {
        fn top(&self) -> usize {
            1000
        }
        fn here(&self) -> usize {
            900
        }
        fn deepest(&self) -> usize {
            self.deepest
        }
        fn bottom(&self) -> usize {
            100
        }
        fn paint(&mut self) {
            self.painted += 1;
            self.deepest = 1000;
        }
    }

    #[test]
    fn work_is_counted_over_the_wrap_and_forgotten_when_asked() {
        let mut meter = Meter::new(Sevens(u32::MAX - 10), Fixed { deepest: 0, painted: 0 });
        for _ in 0..3 {
            meter.work_begins();
            meter.work_ends();
        }
        meter.stack.deepest = 640;
        let vitals = meter.vitals(false);
        assert_eq!((vitals.counted, vitals.nothing, vitals.works), (Some(21), 7, 3));
        assert_eq!((vitals.stack, vitals.work_stack, vitals.free), (Some(360), Some(260), Some(540)));
        assert_eq!(meter.vitals(true).counted, Some(21));
        let fresh = meter.vitals(false);
        assert_eq!((fresh.counted, fresh.works, fresh.work_stack, meter.stack.painted), (Some(0), 0, None, 2));
    }
}

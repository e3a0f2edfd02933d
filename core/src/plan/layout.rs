//! What a plan tells: the place of each wire, how the arena is divided, the bytes of each region.

use crate::circuit::CircuitRef;
use crate::gate::Gate;

/// One pair for every number that a wire can have. Where the arena is as long as that, a look-up
/// needs no bounds check, which saves a fifth of the instructions; a host can afford it.
pub(crate) const EVERY: usize = 1 << 16;

/// Whether there is a walk for such arenas; on a bare board it would only take flash.
pub(crate) const ROOMY: bool = cfg!(not(target_os = "none"));

/// What the memory is to be used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "link", derive(serde::Serialize, serde::Deserialize))]
pub enum Purpose {
    /// Look at everything: every value is kept, every wire that can have a gradient has one.
    Inspect,
    /// Train sample by sample with plain gradient descent: weights of dense gates and
    /// convolutions are updated in place and have no gradient. Inputs may be written over by the gates that read them.
    Train,
    /// Train by batches: a sum of gradients for every trained number.
    Accumulate,
    /// Forward only, each slot used again as soon as its value is no longer needed. Inputs too:
    /// set them before each run.
    Infer,
    /// As `Accumulate`, with so many moments for every trained number: an optimiser's memory.
    Moments(u8),
}

impl Purpose {
    /// Whether gradients are summed up over a batch.
    #[inline]
    pub(crate) const fn sums(self) -> bool {
        matches!(self, Purpose::Accumulate | Purpose::Moments(_))
    }

    /// The moments for every trained number.
    #[inline]
    pub(crate) const fn moments(self) -> u8 {
        if let Purpose::Moments(moments) = self { moments } else { 0 }
    }

    #[inline]
    pub(super) const fn trains(self) -> bool {
        self.sums() || matches!(self, Purpose::Train)
    }
}

/// Where the values and gradients of one wire lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Slot {
    pub(crate) value: u32,
    pub(crate) gradient: u32,
    /// Elements of the wire, so that a walk need not look its shape up.
    pub(crate) len: u32,
}

impl Slot {
    /// A slot that no plan has filled yet.
    pub const EMPTY: Slot = Slot { value: 0, gradient: 0, len: 0 };
}

/// The numbers of a slot that begins at `start`, if they are in `part`.
#[inline(always)]
pub(crate) fn part<T>(part: &[T], start: u32, len: u32) -> Option<&[T]> {
    part.get(start as usize..)?.get(..len as usize)
}

/// As [`part`], to write.
#[inline(always)]
pub(crate) fn part_mut<T>(part: &mut [T], start: u32, len: u32) -> Option<&mut [T]> {
    part.get_mut(start as usize..)?.get_mut(..len as usize)
}

/// No gradient is kept for this wire.
pub(crate) const NO_GRADIENT: u32 = u32::MAX;
/// The weights are updated in place by the gate that reads them.
pub(crate) const IN_PLACE: u32 = u32::MAX - 1;
/// Value offsets from here on count in the circuit's numbers.
pub(crate) const IN_NUMBERS: u32 = 1 << 30;
/// Value offsets from here on count in the frozen params.
pub(crate) const IN_FROZEN: u32 = 2 << 30;
pub(super) const PLACE: u32 = (1 << 30) - 1;

/// How an arena is divided; counted in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    pub(crate) purpose: Purpose,
    pub(crate) wires: u32,
    pub(crate) lanes: u32,
    pub(crate) pairs: u32,
    /// The first gate behind the pairs that is no source: where walks over tensors begin.
    pub(crate) first: u32,
    pub(crate) arena: u32,
    /// Where values begin, which is where params end.
    pub(crate) start: u32,
    pub(crate) gradients: (u32, u32),
    pub(crate) optimiser: (u32, u32),
    /// From here on to the end.
    pub(crate) moments: u32,
    pub(crate) trained: u32,
    pub(crate) params: u32,
    pub(crate) frozen: u32,
    pub(crate) values: u32,
    pub(crate) gradient_count: u32,
    /// Whether all gates with weights are dense gates that read one of the values.
    pub(crate) reads_values: bool,
    /// Params with a gradient of their own outside the pairs: first value, first gradient, count.
    pub(crate) own_params: (u32, u32, u32),
}

/// The bytes of each region of memory, as they are on a 32-bit board.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bytes {
    /// Gate records, slots, shapes, numbers and attributes; in flash for a static circuit.
    pub gates: usize,
    /// Params in RAM.
    pub params: usize,
    /// Frozen params in flash.
    pub frozen: usize,
    /// Values of inputs and gates.
    pub values: usize,
    /// Gradients.
    pub gradients: usize,
    /// Sums of gradients and moments.
    pub optimiser: usize,
}

impl Bytes {
    /// All that is in RAM when the circuit was uploaded.
    #[inline]
    pub const fn ram(&self) -> usize {
        self.gates + self.params + self.values + self.gradients + self.optimiser
    }
}

impl Layout {
    /// The layout of nothing.
    #[cfg(feature = "link")]
    pub(crate) const EMPTY: Layout = Layout {
        purpose: Purpose::Inspect,
        wires: 0,
        lanes: 0,
        pairs: 0,
        first: 0,
        arena: 0,
        start: 0,
        gradients: (0, 0),
        optimiser: (0, 0),
        moments: 0,
        trained: 0,
        params: 0,
        frozen: 0,
        values: 0,
        gradient_count: 0,
        reads_values: false,
        own_params: (0, 0, 0),
    };

    /// What the memory was planned for.
    #[inline]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// How many samples of a batch can be walked together.
    #[inline]
    pub const fn lanes(&self) -> usize {
        self.lanes as usize
    }

    /// The numbers the arena must hold.
    #[inline]
    pub const fn arena_len(&self) -> usize {
        self.arena as usize
    }

    /// Numbers of an arena in which the circuit runs fastest. Where it begins with scalars that is a
    /// pair for every number a wire can have: no look-up needs a bounds check then, which saves a good
    /// part of a walk's instructions. For hosts, where memory that is never touched costs nothing; on a bare
    /// board the same as [`Layout::arena_len`], which is enough everywhere.
    pub const fn roomy_arena_len(&self) -> usize {
        let (enough, every) = (self.arena_len(), 2 * EVERY);
        if ROOMY && self.pairs > 0 && enough < every { every } else { enough }
    }

    /// The numbers that training changes.
    #[inline]
    pub const fn trained_len(&self) -> usize {
        self.trained as usize
    }

    /// The numbers that an optimiser keeps from step to step.
    #[inline]
    pub const fn moments_len(&self) -> usize {
        (self.arena - self.moments) as usize
    }

    /// The numbers of frozen params that are expected in flash.
    #[inline]
    pub const fn frozen_len(&self) -> usize {
        self.frozen as usize
    }

    /// The bytes of each region for numbers of `number` bytes: [`Scalar::BYTES`](crate::Scalar::BYTES).
    pub const fn bytes<T>(&self, circuit: &CircuitRef<'_, T>, number: usize) -> Bytes {
        Bytes {
            gates: circuit.gates.len() * (size_of::<Gate>() + size_of::<Slot>())
                + size_of_val(circuit.shapes)
                + circuit.numbers.len() * number
                + size_of_val(circuit.attrs),
            params: self.params as usize * number,
            frozen: self.frozen as usize * number,
            values: self.values as usize * number,
            gradients: self.gradient_count as usize * number,
            optimiser: (self.arena - self.optimiser.0) as usize * number,
        }
    }
}

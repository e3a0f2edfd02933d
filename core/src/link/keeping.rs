//! What a session keeps in flash, when, and how it goes on after a reset.

use super::machine::Machine;
use super::message::{Answer, Memory, NotKept, Refusal};
use super::state::{Answered, State};
use super::{PAYLOAD_MAX, Session};
use crate::keep::{KeepError, Keeper, OWN_MAX};
use crate::optimiser::Optimiser;
use crate::plan::{Purpose, plan_within};
use crate::scalar::Scalar;
use crate::tape::Tape;
use crate::training::Training;
use embedded_storage::nor_flash::NorFlash;

/// When to keep. All zeros say: only when asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saving {
    /// Keep when so many steps were made since the last time; 0: only when asked.
    pub every: u32,
    /// Steps that had been made the last time it was tried.
    pub tried: u32,
    /// The last try failed.
    pub missed: bool,
}

impl Saving {
    pub(super) const WHEN_ASKED: Saving = Saving { every: 0, tried: 0, missed: false };
}

/// Bytes of the session's own before the optimiser's: how often to keep, the batch and the seed.
const FRONT: usize = 16;

impl<T: Scalar, const GATES: usize, const NUMBERS: usize, const SHAPES: usize, const ATTRS: usize>
    State<'_, T, GATES, NUMBERS, SHAPES, ATTRS>
{
    /// Keeps what was learned because it was asked for.
    #[inline(never)]
    pub(super) fn save(&mut self, machine: &mut impl Machine) -> Answered {
        self.is_verified()?;
        self.try_to_save(machine)?;
        self.keeps(machine)
    }

    /// Keeps what was learned. Apart, so that its stack is not that of every request.
    #[inline(never)]
    fn try_to_save(&mut self, machine: &mut impl Machine) -> Result<(), Refusal> {
        let mut own = [0; OWN_MAX];
        let len = self::own(self.saving, self.training, &mut own).ok_or(Refusal::Unsupported)?;
        let steps = self.training.steps();
        let Some(tape) = &self.memory.tape() else { return Err(Refusal::NoCircuit) };
        let saved = machine.save(tape, steps, own.get(..len).unwrap_or_default());
        (self.saving.tried, self.saving.missed) = (steps, saved.is_err());
        saved.map(|_| ()).map_err(refusal)
    }

    /// Tells how it trains, by what is kept of that with a state.
    #[inline(never)]
    pub(super) fn trains(&mut self) -> Answered {
        let all =
            self.payload.resize_default(PAYLOAD_MAX).ok().and_then(|()| own(self.saving, self.training, self.payload));
        self.payload.truncate(all.ok_or(Refusal::Unsupported)?);
        Ok(Answer::Data(&[]))
    }

    /// Keeps what was learned if enough steps were made since the last time and no batch has begun.
    #[inline(never)]
    pub(super) fn save_if_due(&mut self, machine: &mut impl Machine) {
        let since = self.training.steps().wrapping_sub(self.saving.tried);
        if *self.verified && self.saving.every > 0 && since >= self.saving.every && self.training.begun() == 0 {
            // That it failed is told when the host asks what is kept.
            let _ = self.try_to_save(machine);
        }
    }

    /// What is kept, and how it stands to what was learned.
    #[inline(never)]
    pub(super) fn keeps(&self, machine: &impl Machine) -> Answered {
        let (steps, every, missed) = (self.training.steps(), self.saving.every, self.saving.missed);
        Ok(Answer::Kept(Memory { kept: machine.kept(), steps, every, missed }))
    }
}

/// How often to keep, the batch, the seed and the optimiser, as bytes; how many they are.
#[inline(never)]
fn own<T: Scalar>(saving: &Saving, training: &Training<T>, out: &mut [u8]) -> Option<usize> {
    let (every, rest) = out.split_first_chunk_mut()?;
    let (batch, rest) = rest.split_first_chunk_mut()?;
    let (seed, rest) = rest.split_first_chunk_mut()?;
    *every = saving.every.to_le_bytes();
    *batch = training.batch().to_le_bytes();
    *seed = training.seed().to_le_bytes();
    Some(FRONT + training.optimiser().to_bytes(rest)?.len())
}

fn refusal(error: KeepError) -> Refusal {
    Refusal::NotKept(match error {
        KeepError::Unfit => NotKept::NoFlash,
        KeepError::NoRoom(needed, had) => NotKept::NoRoom(needed, had),
        _ => NotKept::Failed,
    })
}

impl<
    T: Scalar,
    A: AsMut<[T]>,
    R: AsMut<[T]>,
    const GATES: usize,
    const NUMBERS: usize,
    const SHAPES: usize,
    const ATTRS: usize,
    const WINDOW: usize,
> Session<T, A, R, GATES, NUMBERS, SHAPES, ATTRS, WINDOW>
{
    /// Goes on from the newest state that is kept: circuit, plan, params, moments and optimiser. A
    /// host that greets afterwards finds a board that trains; rows are to be sent again. How many
    /// steps had been made.
    ///
    /// # Errors
    /// Those of [`Keeper::load_circuit`] and [`Keeper::load`]; [`KeepError::NoRoom`] in numbers of the
    /// arena. The session holds no circuit then.
    pub fn bring_back<F: NorFlash>(&mut self, keeper: &mut Keeper<F>) -> Result<u32, KeepError> {
        (self.planned, self.verified, self.kept) = (false, false, 0);
        let purpose = keeper.load_circuit(&mut self.circuit)?;
        let brought = self.fill(keeper, purpose);
        if brought.is_err() {
            self.circuit.clear();
        }
        brought
    }

    #[inline(never)]
    fn fill<F: NorFlash>(&mut self, keeper: &mut Keeper<F>, purpose: Purpose) -> Result<u32, KeepError> {
        let (circuit, arena) = (self.circuit.view(), self.arena.as_mut());
        let had = arena.len() as u32;
        match &plan_within(&circuit, purpose, false, arena.len(), &mut self.slots) {
            Ok(layout) => self.layout = *layout,
            Err(_) => return Err(KeepError::Damaged),
        }
        if self.layout.arena_len() as u32 > had {
            return Err(KeepError::NoRoom(self.layout.arena_len() as u32, had));
        }
        let steps = match &mut Tape::new(circuit, self.layout, &self.slots, &[], arena) {
            Ok(tape) => keeper.load(tape)?,
            Err(error) => return Err(KeepError::Run(*error)),
        };
        let mut own = [0; OWN_MAX];
        let len = keeper.load_own::<T>(&mut own)?;
        let own = own.get(..len).unwrap_or_default();
        let (every, rest) = own.split_first_chunk().ok_or(KeepError::Damaged)?;
        let (batch, rest) = rest.split_first_chunk().ok_or(KeepError::Damaged)?;
        let (seed, optimiser) = rest.split_first_chunk().ok_or(KeepError::Damaged)?;
        let (batch, seed) = (u32::from_le_bytes(*batch), u64::from_le_bytes(*seed));
        // Params may be kept that no training was told for.
        self.training = match Optimiser::from_bytes(optimiser) {
            Some(optimiser) if batch > 0 => Training::new(optimiser, batch).after(steps).with_seed(seed),
            _ => Training::IDLE.after(steps),
        };
        self.saving = Saving { every: u32::from_le_bytes(*every), tried: steps, missed: false };
        (self.planned, self.verified) = (true, true);
        Ok(steps)
    }
}

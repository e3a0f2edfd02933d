//! Optimisers: from the gradients that a batch summed up to the params' next values.
//!
//! For each trained number w with the sum s of its gradients over n samples, in this order:
//!
//! 1. g = (±1/n) · s, the mean gradient, of the objective's negative if that is to be raised;
//! 2. clipping: by value, each g to −c ≤ g ≤ c; by norm, all g times c/‖g‖ if ‖g‖ > c, where ‖g‖ is
//!    the root of the sum of all g², in the order of the wires (Pascanu, Mikolov and Bengio, 2013);
//! 3. weight decay: g = g + λ·w; AdamW takes (rate·λ)·w from w itself instead;
//! 4. the method, with the moments m and v that begin at 0, at step t counted from 1:
//!
//! | method | moments | step |
//! |---|---|---|
//! | sgd | | w −= rate·g |
//! | momentum | m = β·m + g | w −= rate·m |
//! | nesterov | m = β·m + g | w −= rate·(g + β·m) |
//! | adam, adamw | m = β₁·m + (1 − β₁)·g, v = β₂·v + ((1 − β₂)·g)·g | w −= (rate / (1 − β₁ᵗ)) · (m / (√v·(1/√(1 − β₂ᵗ)) + ε)) |
//! | rmsprop | v = α·v + ((1 − α)·g)·g | w −= rate · (g / (√v + ε)) |
//!
//! What is the same for all numbers of a step is computed once. Plain gradient descent without
//! clipping and decay goes its shorter way, w −= (rate/n)·s ([`Tape::end_batch`]), and at one sample
//! a step fused with backward ([`Tape::train_step`]).
//!
//! Every new weight and moment is computed and looked at before the first is written, so that a
//! refused step changes nothing.

use crate::circuit::Objective;
use crate::error::RunError;
use crate::plan::{Layout, Purpose, Slot};
use crate::scalar::Scalar;
use crate::schedule::{Schedule, power};
use crate::tape::Tape;

/// How a step follows from the gradients.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "link", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Method<T> {
    /// Plain gradient descent.
    #[default]
    Sgd,
    /// Gradient descent with momentum (Polyak, 1964), the velocity in units of the gradient as
    /// Sutskever et al. (2013) are usually implemented: a change of the rate acts at once.
    Momentum {
        /// What of the velocity is left from step to step.
        beta: T,
    },
    /// Nesterov's accelerated gradient (Nesterov, 1983; in this form Sutskever et al., 2013).
    Nesterov {
        /// What of the velocity is left from step to step.
        beta: T,
    },
    /// Adam (Kingma and Ba, 2015), bias correction included.
    Adam {
        /// Decay of the mean gradient.
        beta1: T,
        /// Decay of the mean squared gradient.
        beta2: T,
        /// Keeps the divisor from 0.
        eps: T,
    },
    /// Adam with the weight decay decoupled from the gradient (Loshchilov and Hutter, 2019); as is
    /// usual, the decay is multiplied by the rate.
    AdamW {
        /// Decay of the mean gradient.
        beta1: T,
        /// Decay of the mean squared gradient.
        beta2: T,
        /// Keeps the divisor from 0.
        eps: T,
    },
    /// RMSProp (Tieleman and Hinton, 2012), with ε outside of the root.
    RmsProp {
        /// Decay of the mean squared gradient.
        alpha: T,
        /// Keeps the divisor from 0.
        eps: T,
    },
}

impl<T> Method<T> {
    /// How many numbers it keeps for each trained one.
    pub const fn moments(&self) -> u8 {
        match self {
            Method::Sgd => 0,
            Method::Momentum { .. } | Method::Nesterov { .. } | Method::RmsProp { .. } => 1,
            Method::Adam { .. } | Method::AdamW { .. } => 2,
        }
    }
}

/// What gradients are kept to.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "link", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Clip<T> {
    /// Nothing.
    #[default]
    Nothing,
    /// All of them together to this Euclidean norm.
    Norm(T),
    /// Each of them to this magnitude.
    Value(T),
}

/// All that decides how a step follows from the gradients.
///
/// ```
/// use chainrule::{Clip, Method, Optimiser, Purpose};
/// let mut optimiser = Optimiser::new(Method::Momentum { beta: 0.9f32 }, 0.05);
/// optimiser.clip = Clip::Norm(1.0);
/// assert_eq!(optimiser.purpose(8), Purpose::Moments(1));
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "link", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Optimiser<T> {
    /// The formula.
    pub method: Method<T>,
    /// The learning rate.
    pub rate: T,
    /// λ, by which weights shrink; biases too, as all params.
    pub weight_decay: T,
    /// What gradients are kept to.
    pub clip: Clip<T>,
    /// How the rate goes on.
    pub schedule: Schedule<T>,
    /// Steps in which the rate rises before that.
    pub warmup: u32,
}

impl<T: Scalar> Optimiser<T> {
    /// This method at this rate, without decay or clipping.
    pub const fn new(method: Method<T>, rate: T) -> Optimiser<T> {
        let (clip, schedule) = (Clip::Nothing, Schedule::Constant);
        Optimiser { method, rate, weight_decay: T::ZERO, clip, schedule, warmup: 0 }
    }

    /// Whether it is nothing but w −= rate·g.
    fn is_plain(&self) -> bool {
        self.method == Method::Sgd && self.clip == Clip::Nothing && self.weight_decay == T::ZERO
    }

    /// What the memory has to be planned for, with so many samples a step.
    pub fn purpose(&self, batch: u32) -> Purpose {
        match self.method.moments() {
            0 if batch <= 1 && self.is_plain() => Purpose::Train,
            0 => Purpose::Accumulate,
            moments => Purpose::Moments(moments),
        }
    }

    /// The learning rate of the step after `steps` steps.
    pub fn rate_after(&self, steps: u32) -> T {
        self.schedule.rate(self.rate, self.warmup, steps)
    }

    /// As the link carries it, if there is room in `out`: 64 bytes are enough for f32, 112 for f64.
    #[cfg(feature = "link")]
    pub fn to_bytes<'o>(&self, out: &'o mut [u8]) -> Option<&'o [u8]> {
        T::write_optimiser(self, out)
    }

    /// What [`Optimiser::to_bytes`] wrote.
    #[cfg(feature = "link")]
    pub fn from_bytes(bytes: &[u8]) -> Option<Optimiser<T>> {
        T::read_optimiser(bytes)
    }

    /// What is the same for all numbers of a step.
    fn rule(&self, steps: u32, samples: u32, raise: bool) -> Rule<T> {
        let (rate, one) = (self.rate_after(steps), if raise { -T::ONE } else { T::ONE });
        let mut rule = Rule {
            method: self.method,
            scale: one / T::from_u32(samples),
            limit: if let Clip::Value(limit) = self.clip { limit } else { T::INFINITY },
            decay: self.weight_decay,
            shrink: T::ZERO,
            rate,
            root: T::ONE,
        };
        if let Method::Adam { beta1, beta2, .. } | Method::AdamW { beta1, beta2, .. } = self.method {
            let t = steps.saturating_add(1);
            rule.rate = rate / (T::ONE - power(beta1, t));
            rule.root = T::ONE / (T::ONE - power(beta2, t)).sqrt();
        }
        if let Method::AdamW { .. } = self.method {
            (rule.decay, rule.shrink) = (T::ZERO, rate * self.weight_decay);
        }
        rule
    }
}

/// A step's formula with its numbers.
struct Rule<T> {
    method: Method<T>,
    /// From a sum of gradients to their mean, clipped by norm.
    scale: T,
    limit: T,
    decay: T,
    shrink: T,
    rate: T,
    /// 1/√(1 − β₂ᵗ)
    root: T,
}

impl<T: Scalar> Rule<T> {
    /// The next weight and moments.
    fn next(&self, w: T, sum: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let mut g = self.scale * sum;
        if g > self.limit {
            g = self.limit;
        } else if g < -self.limit {
            g = -self.limit;
        }
        if self.decay != T::ZERO {
            g += self.decay * w;
        }
        match self.method {
            Method::Sgd => (w - self.rate * g, [m, v]),
            Method::Momentum { beta } => {
                let m = beta * m + g;
                (w - self.rate * m, [m, v])
            }
            Method::Nesterov { beta } => {
                let m = beta * m + g;
                (w - self.rate * (g + beta * m), [m, v])
            }
            Method::Adam { beta1, beta2, eps } | Method::AdamW { beta1, beta2, eps } => {
                let m = beta1 * m + (T::ONE - beta1) * g;
                let v = beta2 * v + ((T::ONE - beta2) * g) * g;
                let w = if self.shrink == T::ZERO { w } else { w - self.shrink * w };
                (w - self.rate * (m / (v.sqrt() * self.root + eps)), [m, v])
            }
            // Its only moment is the first that is kept.
            Method::RmsProp { alpha, eps } => {
                let v = alpha * m + ((T::ONE - alpha) * g) * g;
                (w - self.rate * (g / (v.sqrt() + eps)), [v, T::ZERO])
            }
        }
    }
}

/// A trained param: its slot, and the place of its first moment.
type Trained = (Slot, usize);

impl<T: Scalar> Tape<'_, T> {
    /// Ends a batch of `samples` as the optimiser says, `steps` steps after it began; the batch was
    /// begun with [`Tape::begin_batch`] and summed up with [`Tape::accumulate`].
    ///
    /// # Errors
    /// [`RunError::NotPlanned`] unless the plan was made for [`Optimiser::purpose`], or for more
    /// moments; [`RunError::EmptyBatch`]; [`RunError::BadRate`]; [`RunError::NotFinite`] with the
    /// param at which it shows. No param and no moment has changed then.
    pub fn optimise(&mut self, optimiser: &Optimiser<T>, steps: u32, samples: u32) -> Result<(), RunError> {
        if !self.layout.purpose.sums() || self.layout.purpose.moments() < optimiser.method.moments() {
            return Err(RunError::NotPlanned);
        }
        if optimiser.is_plain() {
            return self.end_batch(optimiser.rate_after(steps), samples);
        }
        if samples == 0 {
            return Err(RunError::EmptyBatch);
        }
        let objective = self.fixed.circuit.objective.ok_or(RunError::NoObjective)?;
        let mut rule = optimiser.rule(steps, samples, matches!(objective, Objective::Maximize(_)));
        if !rule.rate.is_finite() {
            return Err(RunError::BadRate);
        }
        if let Clip::Norm(limit) = optimiser.clip {
            let norm = self.norm(rule.scale);
            if !norm.is_finite() {
                return Err(RunError::NotFinite(objective.wire().raw()));
            }
            if norm > limit {
                rule.scale = (limit / norm) * rule.scale;
            }
        }
        self.step_each(&rule, false)?;
        self.step_each(&rule, true)
    }

    /// The moments: for each that the plan keeps, the numbers of all trained params in the order of
    /// their wires.
    pub fn moments(&self) -> &[T] {
        self.arena.get(self.layout.moments as usize..self.layout.arena_len()).unwrap_or_default()
    }

    /// Sets some moments, from place `start` among [`Tape::moments`] on.
    ///
    /// # Errors
    /// [`RunError::NotPlanned`] if the plan does not keep as many.
    pub fn set_moments(&mut self, start: usize, values: &[T]) -> Result<(), RunError> {
        let range = self.layout.moments as usize..self.layout.arena_len();
        let moments = self.arena.get_mut(range).unwrap_or_default();
        let place = moments.get_mut(start..).and_then(|moments| moments.get_mut(..values.len()));
        place.ok_or(RunError::NotPlanned)?.copy_from_slice(values);
        Ok(())
    }

    /// The norm of all gradients.
    fn norm(&self, scale: T) -> T {
        let mut sum = T::ZERO;
        for (i, gate) in self.fixed.circuit.gates.iter().enumerate() {
            if !gate.is_trained() {
                continue;
            }
            for &g in self.read_gradient(i).unwrap_or_default() {
                let g = scale * g;
                sum += g * g;
            }
        }
        sum.sqrt()
    }

    /// Goes through all trained numbers, in the order of their wires: to see that the next of each is
    /// finite, or to write it.
    #[inline(never)]
    fn step_each(&mut self, rule: &Rule<T>, write: bool) -> Result<(), RunError> {
        let (mut place, trained) = (0, self.layout.trained as usize);
        for (i, (gate, &slot)) in self.fixed.circuit.gates.iter().zip(self.fixed.slots).enumerate() {
            if !gate.is_trained() {
                continue;
            }
            for k in 0..slot.len as usize {
                let (w, moments) = next(rule, self.arena, &self.layout, (slot, place), k).ok_or(RunError::WrongPlan)?;
                let [m, v] = moments;
                if !write {
                    if !(w.is_finite() && m.is_finite() && v.is_finite()) {
                        return Err(RunError::NotFinite(i as u16));
                    }
                    continue;
                }
                if let Some(weight) = self.arena.get_mut(slot.value as usize + k) {
                    *weight = w;
                }
                let first = self.layout.moments as usize + place + k;
                for (moment, kept) in moments.into_iter().zip(0..self.layout.purpose.moments()) {
                    if let Some(place) = self.arena.get_mut(first + usize::from(kept) * trained) {
                        *place = moment;
                    }
                }
            }
            place += slot.len as usize;
        }
        Ok(())
    }
}

/// The next weight and moments of element `k` of a param; a moment that is not kept is 0.
fn next<T: Scalar>(
    rule: &Rule<T>,
    arena: &[T],
    layout: &Layout,
    (slot, place): Trained,
    k: usize,
) -> Option<(T, [T; 2])> {
    let w = *arena.get(slot.value as usize + k)?;
    let sum = *arena.get(slot.gradient as usize + k)?;
    let moments = arena.get(layout.moments as usize..layout.arena_len())?;
    let moment = |n: usize| moments.get(n * layout.trained as usize + place + k).copied().unwrap_or(T::ZERO);
    Some(rule.next(w, sum, [moment(0), moment(1)]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;

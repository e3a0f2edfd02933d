//! Backpropagation in circuits of gates, on microcontrollers and laptops alike: no heap, no
//! `unsafe`, no panic, no recursion, and memory that is known before flashing.
//!
//! A circuit computes; the chain rule, walked backwards from its output, tells how each input and
//! each weight must move to raise or lower that output; a step moves them. This is the circuit that
//! the subject is usually taught with, f = (x + y)·z:
//!
//! ```
//! use chainrule::{Circuit, Purpose, Shape, Slot, Tape, plan};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut circuit: Circuit<f32, 5> = Circuit::new();
//! let x = circuit.input(Shape::SCALAR)?;
//! let y = circuit.input(Shape::SCALAR)?;
//! let z = circuit.input(Shape::SCALAR)?;
//! let q = circuit.add(x, y)?;
//! let f = circuit.mul(q, z)?;
//! circuit.maximize(f)?;
//!
//! let mut slots = [Slot::EMPTY; 5]; // where each wire lies: the plan
//! let layout = plan(&circuit.view(), Purpose::Inspect, false, &mut slots)?;
//! let mut arena = [0.0; 10]; // layout.arena_len() numbers: values and gradients
//! let mut tape = Tape::new(circuit.view(), layout, &slots, &[], &mut arena)?;
//!
//! tape.set(x, &[-2.0])?;
//! tape.set(y, &[5.0])?;
//! tape.set(z, &[-4.0])?;
//! tape.forward();
//! tape.backward(f)?;
//! assert_eq!(tape.value(f)?, &[-12.0]);
//! assert_eq!(tape.gradient(x)?, &[-4.0]); // f rises with q only where z is positive
//! assert_eq!(tape.gradient(z)?, &[3.0]);
//!
//! // One step uphill on x, y and z.
//! assert_eq!(tape.climb_step(0.01, None, &[])?, -11.592401);
//! # Ok(())
//! # }
//! ```
//!
//! # The layers, top to bottom
//!
//! | layer | files | what it owns |
//! |---|---|---|
//! | link | `link/` | requests, replies, frames, and the session that answers (feature `link`) |
//! | keeping | `keep/` | what was learned, in two slots of a NOR flash (feature `keep`) |
//! | training | `training`, `optimiser`, `schedule`, `step`, `numeric` | the loop, optimisers, the fused step, batches; gradients by trying, climbing |
//! | looking | `walk`, `classes`, `hash` | each gate with its operands, values and gradients; the class that is predicted; a hash over the params |
//! | tape | `tape`, `between`, `hot`, `slowly`, `kernels`, `recurrent`, `store` | forward and backward over a circuit in an arena |
//! | gates | `elementwise`, `broadcast`, `scalars`, `dense`, `rows`, `conv`, `pool`, `window`, `reduce`, `softmax`, `loss`, `layer_norm`, `dropout` | values beside local gradients |
//! | plan | `plan` | which value and which gradient lies where; the bytes of each region |
//! | circuit | `circuit`, `check`, `build`, `gate`, `op`, `shape`, `error` | what a circuit is, checked; the builder |
//! | numbers | `scalar`, `circle`, `exponential`, `hyperbolic`, `random` | f32 and f64, the functions on them, seeded numbers |
//! | bytes | `crc` | whether they are as they were written |
//!
//! A layer knows those below it and none above.
//!
//! # Decisions
//!
//! **One record a wire.** What drives a wire is one [`Gate`] of eight bytes, sources included: an
//! input is a gate without operands. So there is no table of wires beside the table of gates, and a
//! [`Wire`] is the place of its gate. Only circuits make wires. Operands come before their gate,
//! which rules out cycles; forward is the list, backward the list reversed.
//!
//! **One view.** All walks take [`CircuitRef`]: slices of gates, shapes, numbers and attributes that
//! were checked as a whole. The builder [`Circuit`] (arrays of fixed capacity), a `static` in flash
//! checked at compile time, and a board's upload all give this view and all go through one check.
//!
//! **One arena.** Params, values, gradients and sums lie in one slice of numbers; a plan says where.
//! A gate writes through a hole cut out of the arena with safe splitting and reads around it, so
//! nothing is copied. The plan is made by `const` functions for one of five purposes ([`Purpose`]):
//! it keeps no gradient where nothing trained lies upstream, lets elementwise gates write over their
//! operand where backward does not need the old value, lets some turn their gradient into their
//! operand's in its place, and for inference gives every slot away again when its value has been read.
//!
//! **Operands first.** In a small network, finding numbers takes longer than computing with them. A
//! gate that networks spend their time in finds all its operands, where networks have them, before it
//! does anything; where one lies elsewhere, nothing has been done yet, and a slower way does the same
//! (`hot`, `slowly`). Small networks gain most.
//!
//! **Lanes.** Samples of a batch can be walked together, up to four, each with its values and gradients in
//! a lane of its own, so that a gate finds its operands once for all of them. Only where it changes no bit:
//! all gates are of the sorts that are done operands first, and each param is read by one gate, which
//! adds up the lanes in the order of their samples. A plan gives lanes where it is asked for them
//! ([`plan_lanes`]), as a board's session does if its arena has room ([`plan_within`]). An epoch of
//! `xor.circuit` (2-3-1, four samples) takes 4,410 instructions (`cargo bench -p chainrule-tests`).
//!
//! **Rows of weights.** A few columns of a matrix, row after row, are the leftover columns of a dense gate,
//! the outputs of a convolution at one line of its window, and some columns of a recurrent gate: three
//! functions for all of them (`rows`). Where most time goes, a dense gate has its own: blocks for ten columns or
//! more, and loops for one to three, which a neuron has.
//!
//! **Two walks.** Tensors go gate by gate through kernels on slices. Where a circuit begins with
//! scalars, as formulas of control and calibration do from end to end, value and gradient of wire i
//! are pair i, and a walk of its own does nothing but arithmetic and one look-up an operand.
//!
//! # Same bits everywhere
//!
//! The same circuit, inputs and seed give the same bits on every target, after one step and after
//! ten thousand. It rests on:
//!
//! - one order of additions per kernel, written at the top of its file. A gradient is added up in
//!   the order of backward: a kernel that passes back a sum goes on from what is already there,
//!   instead of adding up apart and adding that (this saves a buffer and a pass);
//!   A gru's r and z, and an rnn's h, come of one sum each, that of the input going on over the past, and not
//!   of two that are added: so they need no second place. What forward finds of a gru is kept where the way
//!   back turns it into gradients, instead of being found again;
//! - no contraction of `a * b + c`: Rust does not contract, and nothing here calls `mul_add`;
//! - `libm`, compiled from source, for everything beyond the four operations, but for sin and cos in
//!   f32: `libm` computes these in f64, which a processor without it pays for with 6 KB of flash and
//!   700 bytes of stack; ours take whole numbers (`circle`). On x86-64 and aarch64 the exponentials of a
//!   cross-entropy in f32 and tanh in f64 are computed several at once, to the bits of `libm`
//!   (`exponential`, `hyperbolic`; tests compare them);
//! - one generator ([`Random`]), and shuffles and initial weights drawn from it in a written order;
//! - forward of a dense gate, a convolution or a recurrent gate never reads the weights of an input that is ±0,
//!   and an update never writes them, on any target;
//! - NaN counts as NaN, whatever its payload.
//!
//! # Kinks and edges
//!
//! | case | here |
//! |---|---|
//! | max(a, b), min(a, b) at a tie | half of the gradient each |
//! | max(a) of a whole wire, max_pool at a tie | the first gets it all |
//! | max(a), max_pool with NaN in sight | NaN out, the first NaN's gradient NaN |
//! | avg_pool where a window leaves the plane | padding counts as 0, and is counted |
//! | relu, abs, hinge, mae at their kink | 0 |
//! | huber at \|a − b\| = δ | ±δ / n, as from both sides |
//! | rnn with relu at 0 | 0 |
//! | dropout: an element left out | 0, whatever it was; passes 0 |
//! | leaky_relu, elu at 0 | slope, alpha |
//! | clip at a bound | 1 |
//! | hard_swish at −3, at 3 | 0, 1 |
//! | √ and ln at 0, 1/0 | ±∞ |
//! | aᵇ: ∂/∂b at a = 0, below 0; ∂/∂a at b = 0 | 0, NaN; 0 |
//! | an elementwise element whose incoming gradient is ±0 | passes nothing back, so 0·∞ stays 0 |
//! | a branch not taken | passes 0, even for an infinite gradient |
//! | NaN into relu, max, min, clip | NaN out, gradient NaN |
//! | a step that would make a param non-finite | an error; nothing changed |
//!
//! # Not here
//!
//! Text, files, boards; macros and operator overloading for users; shapes as types; a `std` feature;
//! a matrix library; GPUs.

#![no_std]
mod between;
mod broadcast;
mod build;
mod check;
mod circle;
mod circuit;
mod classes;
mod conv;
#[cfg(feature = "keep")]
mod crc;
mod dense;
mod dropout;
mod elementwise;
mod error;
mod exponential;
mod gate;
mod hash;
mod hot;
mod hyperbolic;
#[cfg(feature = "keep")]
pub mod keep;
mod kernels;
mod layer_norm;
#[cfg(feature = "link")]
pub mod link;
mod loss;
mod numeric;
mod op;
mod optimiser;
mod plan;
mod pool;
mod random;
mod recurrent;
mod reduce;
mod rows;
mod scalar;
mod scalars;
mod schedule;
mod shape;
mod slowly;
mod softmax;
mod step;
mod store;
mod tape;
mod training;
mod walk;
mod window;

pub use build::Circuit;
pub use circuit::{CircuitRef, Objective};
pub use dropout::Noise;
pub use error::{BuildError, PlanError, RunError};
pub use gate::{Gate, Wire};
pub use hash::ParamsHash;
pub use numeric::{Difference, Worst};
pub use op::{Op, OpKind};
pub use optimiser::{Clip, Method, Optimiser};
pub use plan::{Bytes, LANES, Layout, Purpose, Slot, plan, plan_lanes, plan_within};
pub use random::{Init, Random};
pub use scalar::Scalar;
pub use schedule::Schedule;
pub use shape::{NotAShape, Shape};
pub use tape::Tape;
pub use training::{Running, Sample, Training};
pub use walk::Seen;

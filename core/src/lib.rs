//! Backpropagation in circuits of gates, without heap.
#![no_std]
mod broadcast;
mod build;
mod circuit;
mod dense;
mod elementwise;
mod error;
mod gate;
mod kernels;
mod loss;
mod numeric;
mod op;
mod plan;
mod random;
mod reduce;
mod scalar;
mod scalars;
mod shape;
mod softmax;
mod step;
mod store;
mod tape;
mod walk;

pub use build::Circuit;
pub use circuit::{CircuitRef, Objective};
pub use error::{BuildError, PlanError, RunError};
pub use gate::{Gate, Wire};
pub use numeric::{Difference, Worst};
pub use op::{Op, OpKind};
pub use plan::{Bytes, Layout, Purpose, Slot, plan};
pub use random::{Init, Random};
pub use scalar::Scalar;
pub use shape::Shape;
pub use tape::Tape;
pub use walk::Seen;

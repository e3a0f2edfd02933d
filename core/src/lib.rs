//! Backpropagation in circuits of gates, without heap.
#![no_std]

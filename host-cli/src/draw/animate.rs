//! animate

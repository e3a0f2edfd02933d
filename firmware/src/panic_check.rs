//! A panic handler that does not link: an image that builds with it cannot panic.
#![allow(unsafe_code)]

use core::panic::PanicInfo;

unsafe extern "C" {
    /// Never defined. When the linker asks for it, some call in the image may panic.
    safe fn this_image_can_panic() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    this_image_can_panic()
}

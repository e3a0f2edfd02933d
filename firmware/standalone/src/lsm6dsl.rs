//! The motion sensor LSM6DSL (ST data sheet DS11633): acceleration and rotation, 52 times a second.

use embedded_hal::i2c::I2c;

/// Its address where pin SA0 is low, as on the B-L475E-IOT01A (section 6.1.1).
const ADDRESS: u8 = 0x6a;

// Registers (section 9).
const WHO_AM_I: u8 = 0x0f;
const CTRL1_XL: u8 = 0x10;
const CTRL2_G: u8 = 0x11;
const CTRL3_C: u8 = 0x12;
const STATUS_REG: u8 = 0x1e;
/// Six 16-bit numbers from here: rotation about x, y, z, acceleration along x, y, z.
const OUTX_L_G: u8 = 0x22;

/// What `WHO_AM_I` reads.
const IDENTITY: u8 = 0x6a;
/// 52 Hz, ±8 g: 0.244 mg a unit (table 3).
const ACCELERATION: u8 = 0x3c;
const G: f32 = 0.244e-3;
/// 52 Hz, ±2000 degrees a second: 70 millidegrees a unit (table 3).
const ROTATION: u8 = 0x3c;
const RADIANS: f32 = 0.070 * core::f32::consts::PI / 180.0;
/// Both bytes of a number from one sample; addresses count up by themselves.
const WHOLE: u8 = 0x44;
/// New acceleration and new rotation.
const READY: u8 = 0x03;

/// Acceleration along x, y, z in g, rotation about x, y, z in radians a second.
pub type Sample = [f32; 6];

/// The sensor on its bus.
pub struct Lsm6dsl<I> {
    bus: I,
}

impl<I: I2c> Lsm6dsl<I> {
    /// Starts it, once it says that it is there; nothing if something else answers.
    ///
    /// # Errors
    /// The bus's.
    pub fn new(bus: I) -> Result<Option<Self>, I::Error> {
        let mut sensor = Lsm6dsl { bus };
        if sensor.read(WHO_AM_I)? != [IDENTITY] {
            return Ok(None);
        }
        for (register, value) in [(CTRL3_C, WHOLE), (CTRL1_XL, ACCELERATION), (CTRL2_G, ROTATION)] {
            sensor.bus.write(ADDRESS, &[register, value])?;
        }
        Ok(Some(sensor))
    }

    /// A sample, if there is a new one.
    ///
    /// # Errors
    /// The bus's.
    pub fn sample(&mut self) -> Result<Option<Sample>, I::Error> {
        let [status] = self.read(STATUS_REG)?;
        if status & READY != READY {
            return Ok(None);
        }
        let raw: [u8; 12] = self.read(OUTX_L_G)?;
        let mut sample = [0.0; 6];
        let (acceleration, rotation) = sample.split_at_mut(3);
        let places =
            rotation.iter_mut().map(|place| (place, RADIANS)).chain(acceleration.iter_mut().map(|place| (place, G)));
        for ((place, unit), bytes) in places.zip(raw.as_chunks::<2>().0) {
            *place = f32::from(i16::from_le_bytes(*bytes)) * unit;
        }
        Ok(Some(sample))
    }

    /// Gives the bus back.
    pub fn release(self) -> I {
        self.bus
    }

    fn read<const N: usize>(&mut self, register: u8) -> Result<[u8; N], I::Error> {
        let mut bytes = [0; N];
        self.bus.write_read(ADDRESS, &[register], &mut bytes)?;
        Ok(bytes)
    }
}

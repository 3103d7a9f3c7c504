/// Arithmetic as Python and NumPy do it. Bit-exactness hangs on these: the order of operations everywhere in this room
/// is highway-env's.
import MachineSupport

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// `a % b` for b > 0: the result has b's sign.
func pythonModulo(_ a: Double, _ b: Double) -> Double {
  if a >= 0 && a < b { return a }
  let remainder = fmod(a, b)
  if remainder == 0 { return 0 }
  return remainder < 0 ? remainder + b : remainder
}

/// An angle in [-π, π).
func wrapToPi(_ angle: Double) -> Double { pythonModulo(angle + .pi, 2 * .pi) - .pi }

/// `np.clip`.
func clip(_ value: Double, _ low: Double, _ high: Double) -> Double { value < low ? low : value > high ? high : value }

/// highway-env's `not_zero`: the value, moved away from zero to divide by it.
func notZero(_ value: Double) -> Double {
  let least = 1e-2
  return abs(value) > least ? value : value >= 0 ? least : -least
}

/// Both at once, which is cheaper.
func sineAndCosine(_ angle: Double) -> (sine: Double, cosine: Double) {
  var sine = 0.0, cosine = 0.0
  machine_sine_cosine(angle, &sine, &cosine)
  return (sine, cosine)
}

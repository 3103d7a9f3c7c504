/// Sine and cosine for drawing alone: no environment's arithmetic goes through here.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Double {
  var sine: Double { sin(self) }
  var cosine: Double { cos(self) }
}

/// Matrix products by the system's CBLAS (OpenBLAS, one thread). Row-major throughout; a `stride` is the distance
/// between rows in floats, so that a view of the last position of every window is a matrix too.
import CBLAS
import Synchronization

/// How a product treats what `c` holds.
public enum Accumulation: Sendable {
  case overwrite, add
  var beta: Float { self == .overwrite ? 0 : 1 }
}

public enum GEMM {
  /// For good, by a program for its whole process: `onOneThread`.
  public static func useOneThread() {
    #if os(Linux)
      openblas_set_num_threads(1)
    #endif
  }

  /// `body` with every product on the thread that asks for it: two runs side by side are two processes, and a product's bits
  /// do not depend on how many processors there are. The number of threads is the process's, so that calls may be inside one
  /// another and at once: the first of them sets it, and the last to leave puts it back.
  public static func onOneThread<Result>(_ body: () throws -> Result) rethrows -> Result {
    #if os(Linux)
      inside.withLock {
        if $0.calls == 0 {
          $0.threads = openblas_get_num_threads()
          openblas_set_num_threads(1)
        }
        $0.calls += 1
      }
      defer {
        inside.withLock {
          $0.calls -= 1
          if $0.calls == 0 { openblas_set_num_threads($0.threads) }
        }
      }
    #endif
    return try body()
  }
  private static let inside = Mutex((calls: 0, threads: Int32(1)))

  /// c[m, n] (+)= a[m, k] · b[n, k]ᵀ — a linear layer's forward pass with PyTorch's [out, in] weight.
  @inline(never) public static func timesTransposed(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, aStride: Int, b: UnsafePointer<Float>, bStride: Int,
    c: UnsafeMutablePointer<Float>, cStride: Int, _ accumulation: Accumulation
  ) {
    if m == 1 {
      cblas_sgemv(CblasRowMajor, CblasNoTrans, Int32(n), Int32(k), 1, b, Int32(bStride), a, 1, accumulation.beta, c, 1)
      return
    }
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, Int32(m), Int32(n), Int32(k), 1, a, Int32(aStride), b, Int32(bStride),
      accumulation.beta, c, Int32(cStride))
  }

  /// c[m, n] (+)= a[m, k] · b[k, n] — the gradient of a linear layer's input.
  @inline(never) public static func times(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, aStride: Int, b: UnsafePointer<Float>, bStride: Int,
    c: UnsafeMutablePointer<Float>, cStride: Int, _ accumulation: Accumulation
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(m), Int32(n), Int32(k), 1, a, Int32(aStride), b, Int32(bStride),
      accumulation.beta, c, Int32(cStride))
  }

  /// c[m, n] (+)= a[k, m]ᵀ · b[k, n] — the gradient of a linear layer's weight.
  @inline(never) public static func transposedTimes(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, aStride: Int, b: UnsafePointer<Float>, bStride: Int,
    c: UnsafeMutablePointer<Float>, cStride: Int, _ accumulation: Accumulation
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasTrans, CblasNoTrans, Int32(m), Int32(n), Int32(k), 1, a, Int32(aStride), b, Int32(bStride),
      accumulation.beta, c, Int32(cStride))
  }
}

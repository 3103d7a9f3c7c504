/// Matrix products by the system's CBLAS (OpenBLAS, one thread). Row-major throughout; a `stride` is the distance
/// between rows in floats, so that a view of the last position of every window is a matrix too.
import CBLAS

/// How a product treats what `c` holds.
public enum Accumulation: Sendable {
  case overwrite, add
  var beta: Float { self == .overwrite ? 0 : 1 }
}

public enum GEMM {
  /// One thread: two runs side by side are two processes, and a product's bits do not depend on the machine's load.
  public static func useOneThread() {
    #if os(Linux)
      openblas_set_num_threads(1)
    #endif
  }

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

/// Products on a processor that OpenBLAS does not know.
import CBLAS
import Foundation
import MachineSupport
import Testing

@Suite struct GEMMTests {
  #if os(Linux) && arch(x86_64)
    /// Debian's OpenBLAS takes SSE3 kernels on processors younger than itself, which makes an update three times slower.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] == nil)) func vectorUnitsAreUsed() {
      #expect(machine_has_vector_units())
      #expect(String(cString: openblas_get_corename()) != "Prescott")
    }
  #endif
}

/// Five hundred changed files, configurations, checkpoints with right checksums and wrong contents, logs, studies and status
/// files: scripts/mutate.py, which tries ten thousand by itself.
import Foundation
import TestSupport
import Testing

@Suite struct MutationTests {
  @Test func nothingInAFileHarmsItsReader() throws {
    let result = try python(
      "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')",
      ["\(packageRoot)/scripts/mutate.py", "500", "7", builtProgram])
    #expect(result.status == 0, "\(result.output)\(result.error)")
    #expect(result.output.contains("500 cases: 0 traps, 0 hangs, 0 above 1 GB, 0 silently accepted"))
  }
}

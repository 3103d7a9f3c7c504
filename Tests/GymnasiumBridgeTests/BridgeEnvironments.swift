/// What the tests of the bridge play: Gymnasium's environments, and those of Python/bridge_test_environments.py.
import Foundation
import GymnasiumBridge
import Testing

private let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

/// Where Python finds the test's module: said once, as a user says it.
private let path: Void = { setenv("PYTHONPATH", here.appending(path: "Python").path, 1) }()

func gymnasium(_ text: String, timeouts: GymnasiumEnvironment.Timeouts = .init()) throws -> GymnasiumEnvironment {
  path
  return try GymnasiumEnvironment(try #require(try GymnasiumName("gymnasium:" + text)), timeouts: timeouts)
}

func testEnvironment(_ text: String, timeouts: GymnasiumEnvironment.Timeouts = .init()) throws -> GymnasiumEnvironment {
  try gymnasium("bridge_test_environments:" + text, timeouts: timeouts)
}

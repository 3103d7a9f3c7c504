/// Looking at a page in a real browser.
import Foundation

/// A headless Chromium, if there is one: `CHROMIUM`, or whatever is on the path. `make test` installs one.
public let chromium = candidates().first { FileManager.default.isExecutableFile(atPath: $0) }

private func candidates() -> [String] {
  let environment = ProcessInfo.processInfo.environment, folders = (environment["PATH"] ?? "").split(separator: ":")
  return (environment["CHROMIUM"].map { [$0] } ?? [])
    + ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"].flatMap { name in
      folders.map { "\($0)/\(name)" }
    }
}

/// Why a test that needs one is skipped.
public let noBrowser = "no browser: apt-get install chromium-headless-shell"

/// Runs a Python script that has `Browser` and `Page` of Python/browser.py; `sys.argv[1]` is the browser.
public func browse(_ script: String, _ arguments: [String]) throws -> ProcessResult {
  let browser = try String(contentsOfFile: packageRoot + "/Tests/TestSupport/Python/browser.py", encoding: .utf8)
  return try python(browser + script, [chromium ?? ""] + arguments)
}

import ArgumentParser
import Dispatch
import Experiments
import Foundation
import Records
import Synchronization
import Watching

struct Watch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Watch runs as they train: a live page on this machine.",
    discussion: """
      Curves of every run in the folder as they grow, the newest recorded episode playing (train --record-every N records some),
      steps/s, time to go and how stale the replay is. Runs may begin, end, go on or vanish meanwhile. Only this machine can see
      the page, and nothing but the runs is served. Ctrl-C ends it, and nothing of the runs.
      """)

  @Argument(help: ArgumentHelp("A run folder, or a folder of run folders.", valueName: "folder"))
  var folder = "runs"
  @Option(parsing: .unconditional, help: "The port of the page. (default: any that is free)")
  var port = 0

  func run() throws {
    guard let port = UInt16(exactly: port) else {
      throw UsageError("--port \(port): must be a whole number from 0, for any that is free, to 65535")
    }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else {
      throw FileError(folder, "does not exist: give the folder that holds your runs")
    }
    guard isFolder.boolValue else { throw FileError(folder, "is a file, not a folder of runs") }
    let server = WatchServer(root: folder, port: port)
    let ended = DispatchSemaphore(value: 0), failure = Mutex<(any Error)?>(nil)
    let task = Task.detached {
      do {
        try await server.run { address in
          try? output(address)
          say("watching \(folder); Ctrl-C ends it")
        }
      } catch { failure.withLock { $0 = error } }
      ended.signal()
    }
    let signals = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { task.cancel() }
      source.resume()
      return source
    }
    withExtendedLifetime(signals) { ended.wait() }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}

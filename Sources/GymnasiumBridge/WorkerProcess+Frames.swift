/// Frames to and from a worker: u32 length | u8 kind | payload, little-endian.
import Environments
import MachineSupport

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension WorkerProcess {
  /// What is waited for, and until when.
  struct Wait {
    /// As a time-out names it: "no answer to the reset within …", and what allows more.
    var what, remedy: String
    var seconds: Double
    var deadline: ContinuousClock.Instant

    init(_ what: String, seconds: Double, remedy: String) {
      (self.what, self.seconds, self.remedy, deadline) = (what, seconds, remedy, .now + .seconds(seconds))
    }
  }

  /// Larger than any observation; a longer frame is garbage.
  static let largestFrame = 1 << 28
  /// What a worker gets that does not answer while somebody asks this program to stop.
  private static let patience = Duration.seconds(1)

  func send(_ kind: UInt8, _ payload: [UInt8]) throws {
    if let failure { throw failure }
    let length = UInt32(payload.count)
    let frame = (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * UInt32($0))) } + [kind] + payload
    var sent = 0
    while sent < frame.count {
      let count = frame.withUnsafeBytes { writeQuietly($0.baseAddress! + sent, frame.count - sent) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw death() }
      sent += count
    }
  }

  /// The next frame. A worker that does not answer in time is stopped.
  ///
  /// - Throws: `GymnasiumError`, or `EnvironmentInterruption` where a signal asked this program to stop and the worker did
  ///   not answer within a second of it.
  func receive(_ wait: Wait) throws -> (kind: UInt8, payload: [UInt8]) {
    if let failure { throw failure }
    let header = try receive(5, wait)
    let length = header.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= Self.largestFrame else {
      throw giveUp("the Python worker sent something that is not a frame (length \(length)); it was stopped")
    }
    return (header[4], try receive(length, wait))
  }

  private func receive(_ count: Int, _ wait: Wait) throws -> [UInt8] {
    var received = 0
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while received < count {
        try waitForBytes(wait)
        let got = read(output, buffer.baseAddress! + received, count - received)
        if got < 0 && errno == EINTR { continue }
        guard got > 0 else { throw death() }
        received += got
      }
      initialized = received
    }
  }

  private func waitForBytes(_ wait: Wait) throws {
    var deadline = wait.deadline, isStopping = false
    while true {
      if !isStopping && machine_stop_signal() != 0 {
        isStopping = true
        deadline = min(deadline, .now + Self.patience)
      }
      // In slices: a signal interrupts whichever thread it likes.
      let left = max(.zero, min(deadline - .now, .milliseconds(200)))
      var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      let ready = poll(&descriptor, 1, Int32((left / .milliseconds(1)).rounded(.up)))
      if ready > 0 { return }
      guard ready == 0, .now >= deadline else { continue }
      guard isStopping else {
        let seconds = wait.seconds.rounded() == wait.seconds ? "\(Int(wait.seconds))" : "\(wait.seconds)"
        throw giveUp("no answer to \(wait.what) within \(seconds) s; the Python worker was stopped (\(wait.remedy) allows more)")
      }
      let why = giveUp("no answer to \(wait.what) when this program was asked to stop; the Python worker was stopped")
      throw EnvironmentInterruption(why.description)
    }
  }

  private func giveUp(_ why: String) -> GymnasiumError {
    stop()
    let error = GymnasiumError(why)
    failure = error
    return error
  }

  /// `write`, but a worker that has died is an error and no SIGPIPE: what that signal means is for the program to say.
  private func writeQuietly(_ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    #if canImport(Glibc)
      var broken = sigset_t(), before = sigset_t()
      sigemptyset(&broken)
      sigaddset(&broken, SIGPIPE)
      pthread_sigmask(SIG_BLOCK, &broken, &before)
      let written = write(input, bytes, count), problem = errno
      if written < 0 && problem == EPIPE && sigismember(&before, SIGPIPE) == 0 {
        var now = timespec()
        sigtimedwait(&broken, nil, &now)
      }
      pthread_sigmask(SIG_SETMASK, &before, nil)
      errno = problem
      return written
    #else
      return write(input, bytes, count)
    #endif
  }
}

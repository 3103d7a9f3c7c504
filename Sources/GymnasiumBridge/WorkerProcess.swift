/// A child process that is talked to in frames over two pipes. Knows nothing of Gymnasium.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Owns the process: it is gone when this object is. One thread at a time.
final class WorkerProcess {
  /// Larger than any observation; a longer frame is garbage.
  static let largestFrame = 1 << 28

  private let pid: pid_t
  private var input: Int32
  private let output: Int32
  private var isReaped = false

  /// Starts `executable` (searched on PATH) in a process group of its own, so that Ctrl-C reaches only us.
  init(executable: String, arguments: [String]) throws {
    // A worker that died shows as an error of `write`, not as our death.
    signal(SIGPIPE, SIG_IGN)
    let toWorker = try Self.makePipe(), fromWorker = try Self.makePipe()
    defer {
      close(toWorker.read)
      close(fromWorker.write)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toWorker.read, 0)
    posix_spawn_file_actions_adddup2(&actions, fromWorker.write, 1)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    posix_spawnattr_setpgroup(&attributes, 0)

    var argv = ([executable] + arguments).map { strdup($0) } + [nil]
    defer { argv.forEach { free($0) } }
    var child = pid_t()
    let status = posix_spawnp(&child, executable, &actions, &attributes, &argv, environ)
    guard status == 0 else {
      close(toWorker.write)
      close(fromWorker.read)
      throw GymnasiumError("cannot start \(executable): \(String(cString: strerror(status)))")
    }
    (pid, input, output) = (child, toWorker.write, fromWorker.read)
  }

  deinit {
    // The worker ends when its input closes, and gets two seconds for it.
    if input >= 0 { close(input) }
    close(output)
    for _ in 0..<200 where !isReaped {
      if reap(WNOHANG) != nil { return }
      usleep(10_000)
    }
    kill()
  }

  /// Both ends close when another program is started.
  private static func makePipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw GymnasiumError("cannot make a pipe: \(String(cString: strerror(errno)))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  // MARK: - Frames

  /// Sends a request and waits for its reply, at most `timeout` seconds.
  func exchange(_ kind: UInt8, _ payload: [UInt8], timeout: Double) throws -> (kind: UInt8, payload: [UInt8]) {
    try send(kind, payload)
    let deadline = ContinuousClock.now + .seconds(timeout)
    let header = try receive(5, until: deadline, timeout)
    let length = header.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= Self.largestFrame else {
      kill()
      throw GymnasiumError("the Python worker sent something that is not a frame (length \(length)); it was stopped")
    }
    return (header[4], try receive(length, until: deadline, timeout))
  }

  private func send(_ kind: UInt8, _ payload: [UInt8]) throws {
    let length = UInt32(payload.count)
    let frame = (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * UInt32($0))) } + [kind] + payload
    var sent = 0
    while sent < frame.count {
      let count = frame.withUnsafeBytes { write(input, $0.baseAddress! + sent, frame.count - sent) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw death() }
      sent += count
    }
  }

  private func receive(_ count: Int, until deadline: ContinuousClock.Instant, _ timeout: Double) throws -> [UInt8] {
    var received = 0
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while received < count {
        let left = deadline - .now
        var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        let ready = poll(&descriptor, 1, Int32(max(0, left / .milliseconds(1)).rounded(.up)))
        if ready < 0 && errno == EINTR { continue }
        guard ready != 0 else {
          kill()
          throw GymnasiumError("the Python worker did not answer within \(Int(timeout)) s; it was stopped")
        }
        let got = read(output, buffer.baseAddress! + received, count - received)
        if got < 0 && errno == EINTR { continue }
        guard got > 0 else { throw death() }
        received += got
      }
      initialized = received
    }
  }

  // MARK: - End

  /// What became of a worker that closed its pipes.
  private func death() -> GymnasiumError {
    for _ in 0..<100 {
      if let status = reap(WNOHANG) {
        let signal = status & 0x7f
        let how = signal == 0 ? "with status \(status >> 8 & 0xff)" : "by signal \(signal)"
        return GymnasiumError("the Python worker ended \(how); what it said is above")
      }
      usleep(10_000)
    }
    kill()
    return GymnasiumError("the Python worker closed its connection; it was stopped")
  }

  /// Stops the worker and whatever it started.
  private func kill() {
    guard !isReaped else { return }
    _ = killpg(pid, SIGKILL)
    _ = reap(0)
  }

  /// The exit status, once; nil if the worker still runs.
  private func reap(_ options: Int32) -> Int32? {
    guard !isReaped else { return 0 }
    var status: Int32 = 0
    while true {
      let result = waitpid(pid, &status, options)
      if result < 0 && errno == EINTR { continue }
      guard result == pid else { return nil }
      isReaped = true
      return status
    }
  }
}

/// A child process that is talked to in frames over two pipes: its start and its end. Knows nothing of Gymnasium.
import MachineSupport

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Owns the process, which must be one that takes all it started with it on SIGTERM (guardian.py): both are gone when this
/// object is. One thread at a time.
final class WorkerProcess {
  private let pid: pid_t
  let input, output: Int32
  private var status: Int32?
  /// Why it was given up; said again to whoever asks it something.
  var failure: GymnasiumError?

  /// Starts `executable` (searched on PATH) in a process group of its own, so that Ctrl-C reaches only us, with nothing of
  /// ours but standard error and its two pipes.
  init(executable: String, arguments: [String], variables: [String]) throws {
    let toWorker = try Self.makePipe(), fromWorker: (read: Int32, write: Int32)
    do { fromWorker = try Self.makePipe() } catch {
      close(toWorker.read)
      close(toWorker.write)
      throw error
    }
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
    // Signals that this thread blocks or this program ignores are its own affair.
    var none = sigset_t(), all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var argv = ([executable] + arguments).map { strdup($0) } + [nil], envp = variables.map { strdup($0) } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var child = pid_t()
    let status = posix_spawnp(&child, executable, &actions, &attributes, &argv, &envp)
    guard status == 0 else {
      close(toWorker.write)
      close(fromWorker.read)
      throw GymnasiumError("cannot start \(executable): \(String(cString: strerror(status)))", isUsage: true)
    }
    (pid, input, output) = (child, toWorker.write, fromWorker.read)
  }

  /// The worker ends when its input closes; guardian.py gives it two seconds.
  deinit {
    close(input)
    close(output)
    if !hasEnded(within: .seconds(5)) { stop() }
  }

  private static func makePipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard machine_pipe(&ends) == 0 else { throw GymnasiumError("cannot make a pipe: \(String(cString: strerror(errno)))") }
    return (ends[0], ends[1])
  }

  // MARK: - End

  /// What became of a worker that closed its pipes.
  func death() -> GymnasiumError {
    if hasEnded(within: .seconds(5)), let status {
      let signal = status & 0x7f
      let how = signal == 0 ? "with status \(status >> 8 & 0xff)" : "by signal \(signal)"
      failure = GymnasiumError("the Python worker ended \(how); what it said is above")
    } else {
      stop()
      failure = GymnasiumError("the Python worker closed its connection; it was stopped")
    }
    return failure!  // set above
  }

  /// Stops the worker and whatever it started.
  func stop() {
    guard status == nil else { return }
    kill(pid, SIGTERM)
    if hasEnded(within: .seconds(2)) { return }
    killpg(pid, SIGKILL)
    _ = hasEnded(within: .seconds(1))
  }

  private func hasEnded(within limit: Duration) -> Bool {
    let deadline = ContinuousClock.now + limit
    var pause: UInt32 = 250
    while !reap() {
      guard ContinuousClock.now < deadline else { return false }
      usleep(pause)
      pause = min(2 * pause, 10_000)
    }
    return true
  }

  /// True once the process has ended; its status is kept.
  private func reap() -> Bool {
    guard status == nil else { return true }
    var information = siginfo_t()
    guard waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT) == 0, information.si_signo != 0 else {
      return false
    }
    // Until it is reaped, its number is its own: what is left of its group can be meant and nobody else.
    killpg(pid, SIGKILL)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    self.status = status
    return true
  }
}

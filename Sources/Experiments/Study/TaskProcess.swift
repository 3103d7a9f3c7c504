/// A task's process: its output goes into its log, signals come only from us.
import Foundation

final class TaskProcess {
  enum End: Equatable {
    case status(Int32), signal(Int32)
  }

  private let pid: pid_t
  private var end: End?

  /// Starts a program in a process group of its own, so that Ctrl-C reaches only us. What it prints is appended to `log`.
  init(executable: String, arguments: [String], log: String) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o644)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    posix_spawnattr_setpgroup(&attributes, 0)

    var argv = ([executable] + arguments).map { strdup($0) } + [nil]
    defer { argv.forEach { free($0) } }
    var child = pid_t()
    let status = posix_spawn(&child, executable, &actions, &attributes, &argv, environ)
    guard status == 0 else {
      throw UsageError("cannot start \(executable) with its log \(log): \(String(cString: strerror(status)))")
    }
    pid = child
  }

  func send(_ signal: Int32) { if end == nil { kill(pid, signal) } }

  /// How it ended; nil while it runs.
  func poll() -> End? {
    guard end == nil else { return end }
    var status: Int32 = 0
    let result = waitpid(pid, &status, WNOHANG)
    guard result == pid || result < 0 && errno == ECHILD else { return nil }
    end = status & 0x7f == 0 ? .status(status >> 8 & 0xff) : .signal(status & 0x7f)
    return end
  }
}

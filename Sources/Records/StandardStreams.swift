/// What goes to a person and what goes to a program: two ways out, and what each may cost.
import Foundation

/// To a person, on standard error: what cannot be written there is lost and harms nothing (a closed terminal, a full disk).
public func say(_ text: String, terminator: String = "\n") {
  _ = writeAll(Array((text + terminator).utf8), to: STDERR_FILENO)
}

/// To a program, on standard output: what cannot be written there is an error. Nothing waits in a buffer.
///
/// - Throws: `ReaderGone` where whoever read it has gone away, which is no mistake of anybody; else `FileError`.
public func output(_ text: String, terminator: String = "\n") throws {
  let problem = writeAll(Array((text + terminator).utf8), to: STDOUT_FILENO)
  if problem == EPIPE { throw ReaderGone() }
  if problem != 0 { throw FileError("standard output", "cannot write it: \(String(cString: strerror(problem)))") }
}

/// The program that read our standard output has ended (`| head`): a command that only prints has nothing left to do.
public struct ReaderGone: Error {}

/// The error number that kept bytes from being written, or 0. A broken pipe is one only where SIGPIPE is ignored, as `main` has
/// it.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
  var written = 0
  while written < bytes.count {
    let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, bytes.count - written) }  // not empty
    if count > 0 {
      written += count
    } else if count == 0 || errno == EAGAIN {
      var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&ready, 1, 100)
    } else if errno != EINTR {
      return errno
    }
  }
  return 0
}

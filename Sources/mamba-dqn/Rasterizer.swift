/// PNGs of SVG files, by librsvg's program.
import Foundation
import Records

enum Rasterizer {
  /// Writes a .png beside every .svg. Returns what to install where the program is missing.
  static func writePNGs(of paths: [String]) throws -> String? {
    for path in paths {
      let target = String(path.dropLast(3)) + "png", partial = try AtomicFile.temporaryFile(beside: target)
      defer { unlink(partial) }  // where it was not renamed
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["rsvg-convert", "--zoom=2", "--output", partial, path]
      let errors = Pipe()
      process.standardError = errors
      try process.run()
      let message = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      if process.terminationStatus == 127 {
        return "no PNG files: rsvg-convert is missing; as root: apt-get install librsvg2-bin fonts-dejavu-core"
      }
      guard process.terminationStatus == 0 else {
        throw FileError(path, "rsvg-convert cannot read it: \(message.split(separator: "\n").last ?? "")")
      }
      guard rename(partial, target) == 0 else { throw FileError(target, "cannot be written") }
    }
    return nil
  }
}

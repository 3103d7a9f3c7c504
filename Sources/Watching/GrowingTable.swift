/// A CSV file that grows, read on from where it was read to; what a resumed run has cut off and written anew is read anew.
import Foundation

/// What tells that a file has changed.
struct FileStamp: Equatable {
  let size, inode: Int
  /// Seconds since 1970.
  let modified: Double

  /// Nil where there is no such file or folder.
  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    (size, inode) = (Int(status.st_size), Int(status.st_ino))
    modified = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
  }
}

struct GrowingTable {
  let path: String
  private let columns: [String]
  /// [column][row]; NaN for what is no number. Only whole lines count.
  private(set) var values: [[Float]]
  private(set) var stamp: FileStamp?
  /// Where each column stands in a line; nil before the header is read.
  private var places: [Int]?
  private var offset = 0
  /// The line before `offset`: if it is no longer there, the file was cut back.
  private var lastLine: [UInt8] = []

  init(path: String, columns: [String]) {
    (self.path, self.columns) = (path, columns)
    values = columns.map { _ in [] }
  }

  var isEmpty: Bool { values[0].isEmpty }

  /// Reads what is new. True where anything changed.
  mutating func update() -> Bool {
    let present = FileStamp(path)
    guard present != stamp else { return false }
    guard let present, let file = FileHandle(forReadingAtPath: path) else {
      let hadAny = !isEmpty
      self = GrowingTable(path: path, columns: columns)
      return hadAny
    }
    defer { try? file.close() }
    if present.size < offset || !holdsLastLine(file) { self = GrowingTable(path: path, columns: columns) }
    stamp = present
    try? file.seek(toOffset: UInt64(offset))
    let new = (try? file.readToEnd()) ?? Data()
    guard let end = new.lastIndex(of: UInt8(ascii: "\n")) else { return true }
    for line in new[...end].split(separator: UInt8(ascii: "\n")) { read(line) }
    offset += new.distance(from: new.startIndex, to: end) + 1
    return true
  }

  private func holdsLastLine(_ file: FileHandle) -> Bool {
    try? file.seek(toOffset: UInt64(offset - lastLine.count))
    return lastLine.isEmpty || (try? file.read(upToCount: lastLine.count)).map { Array($0) } == lastLine
  }

  private mutating func read(_ line: Data) {
    lastLine = Array(line) + [UInt8(ascii: "\n")]
    let cells = String(decoding: line, as: UTF8.self).split(separator: ",", omittingEmptySubsequences: false)
    guard let places else {
      self.places = columns.map { name in cells.firstIndex { $0 == name } ?? -1 }
      return
    }
    for (column, place) in places.enumerated() {
      values[column].append(cells.indices.contains(place) ? Float(cells[place]) ?? .nan : .nan)
    }
  }
}

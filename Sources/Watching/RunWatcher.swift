/// The runs at and under a folder. Nothing happens unless somebody asks: a page that nobody looks at costs nothing.
import Foundation
import Records

package actor RunWatcher {
  private let root: String
  private var runs: [String: WatchedRun] = [:]
  private var nextID = 0, version = 0, rounds = 0
  /// Tells a page that was served by an earlier process that all it knows is old.
  private let session = UInt32.random(in: 0...UInt32.max)
  private let clock = ContinuousClock()
  private var lastUpdate, lastSearch: ContinuousClock.Instant?

  /// Between looks at the files, and between searches for new folders, however many pages ask.
  private static let updateInterval = Duration.milliseconds(700), searchInterval = Duration.seconds(4)

  /// The root as the user gave it; "." and ".." say nothing.
  private var title: String {
    [".", ".."].contains((root as NSString).lastPathComponent)
      ? URL(fileURLWithPath: root).standardizedFileURL.lastPathComponent : root
  }

  /// - Parameter root: a run folder, or one that holds any.
  package init(root: String) { self.root = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root }

  private struct News: Encodable {
    /// What the page is called.
    var root: String
    /// To be given back with the next question.
    var since: String
    /// All runs that there are.
    var present: [Int]
    /// In the order of their colours: the published ones, whose colours are those of a report, then what else there is.
    var encoders: [EncoderKind]
    /// Those that have changed since.
    var runs: [RunNews]
  }

  /// JSON: what has changed since an earlier answer's `since`; all, where that is nil or another process's.
  package func news(since: String?) throws -> Data {
    update()
    let parts = (since ?? "").split(separator: "-")
    let known = parts.count == 2 && parts[0] == "\(session)" ? Int(parts[1]) ?? -1 : -1
    let news = News(
      root: title, since: "\(session)-\(version)", present: runs.values.map(\.news.id).sorted(),
      encoders: EncoderKind.ordered(EncoderKind.published + runs.values.compactMap(\.news.encoder)),
      runs: runs.values.filter { $0.version > known }.sorted { $0.news.id < $1.news.id }.map(\.news))
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "∞", negativeInfinity: "-∞", nan: "–")
    return try encoder.encode(news)
  }

  package func episode(run id: Int, _ name: String) -> Data? {
    update()
    return runs.values.first { $0.news.id == id }?.episode(name)
  }

  private func update() {
    let now = clock.now
    if let lastUpdate, now - lastUpdate < Self.updateInterval { return }
    lastUpdate = now
    rounds += 1
    if lastSearch.map({ now - $0 >= Self.searchInterval }) ?? true {
      lastSearch = now
      search()
    }
    for (path, run) in runs where !run.hasEnded || run.version == 0 || (rounds + run.news.id) % 8 == 0 {
      guard let hasChanged = run.update() else {
        runs[path] = nil
        continue
      }
      guard hasChanged || run.version == 0 else { continue }
      version += 1
      run.version = version
    }
  }

  private func search() {
    var found: [String] = [], visits = 5_000
    Self.search(root, depth: 0, &visits, into: &found)
    for path in found.sorted() where runs[path] == nil {
      let name = path == root ? (title as NSString).lastPathComponent : String(path.dropFirst(root.count + 1))
      runs[path] = WatchedRun(id: nextID, folder: RunFolder(path: path), name: name)
      nextID += 1
    }
  }

  /// What lies in a run folder is its own; a study's locks are hidden. A folder that holds half a disk is not searched whole.
  private static func search(_ path: String, depth: Int, _ visits: inout Int, into found: inout [String]) {
    visits -= 1
    guard visits > 0 else { return }
    if FileStamp(RunFolder(path: path).config) != nil {
      found.append(path)
      if depth > 0 { return }
    }
    guard depth < 6, let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return }
    for name in names.sorted() where !name.hasPrefix(".") {
      search("\(path)/\(name)", depth: depth + 1, &visits, into: &found)
    }
  }
}

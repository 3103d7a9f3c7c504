/// `mamba-dqn watch` as a person uses it: a browser sees a curve grow and an episode play while a run trains.
import Foundation
import Records
import TestSupport
import Testing

@Suite struct WatchCommandTests {
  private func serve(_ folder: String) throws -> (RunningProgram, address: String) {
    let program = try RunningProgram(builtProgram, ["watch", folder])
    return (program, try #require(program.firstLine(), "\(program.error)"))
  }

  @Test(.enabled(if: chromium != nil, "\(noBrowser)"), .timeLimit(.minutes(10)))
  func aBrowserSeesACurveGrowAndAnEpisodePlay() throws {
    let space = try Workspace(), (server, address) = try serve(space.path)
    let arguments = "train LunarLander-v3 --preset fast --steps 1000000 --seed 1 --record-every 1500 --set logInterval=250"
    let training = try RunningProgram(
      builtProgram, arguments.split(separator: " ").map(String.init) + ["--out", space.file("a run")])
    let script = try String(contentsOfFile: packageRoot + "/Tests/WatchingTests/watch.py", encoding: .utf8)
    let pictures = ProcessInfo.processInfo.environment["WATCH_PICTURES"].map { [$0] } ?? []
    let result = try browse(script, [address] + pictures)
    #expect(result.status == 0, "\(result.error)")
    let seen = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    let first = try #require(seen["first"] as? Int), more = try #require(seen["more"] as? Int)
    #expect(more > first && seen["rows"] as? Int == 1 && seen["complaints"] as? [String] == [])
    #expect((seen["episode"] as? String)?.hasPrefix("episode/0/") == true)
    for word in ["a run", "LunarLander-v3", "steps/s"] { #expect((seen["text"] as? String)?.contains(word) == true) }
    #expect(training.end() == 128 + SIGTERM)
    // The browser is gone in the middle of it all, and the page is still served; Ctrl-C ends it.
    #expect(try python(Self.get, [address, "GET", "/", "127.0.0.1"]).output.hasPrefix("200 "))
    #expect(server.end(SIGINT) == 0 && server.error.split(separator: "\n").count == 1)
  }

  /// A greedy return above all of the curve is inside the plot, whose first rows stay bare.
  @Test(.enabled(if: chromium != nil, "\(noBrowser)"), .timeLimit(.minutes(10)))
  func greedyReturnsAreDrawnAtTheirHeight() throws {
    let space = try Workspace(), run = RunFolder(path: space.file("run"))
    try FileManager.default.createDirectory(atPath: run.path, withIntermediateDirectories: true)
    try ExperimentConfig().json.write(to: URL(fileURLWithPath: run.config))
    let rows = (1...9).map { "\($0 * 100),\($0),\($0),\n" }.joined()
    try Data("step,rollout/ep_rew_mean,time_elapsed,replay/latent_staleness\n\(rows)".utf8).write(
      to: URL(fileURLWithPath: run.progress))
    try Npz.write(
      [
        ("timesteps", .int64([500], shape: [1])), ("results", .float64([200], shape: [1, 1])),
        ("ep_lengths", .int64([1], shape: [1, 1])),
      ], to: run.evaluations)
    let (server, address) = try serve(space.path)
    // The first row of pixels in the middle third of the plot that is painted.
    let first = """
      (() => {
        const canvas = document.querySelector(".chart canvas");
        if (!canvas?.width) return null;
        const x = Math.floor(canvas.width / 3), {data, width, height} =
          canvas.getContext("2d", {willReadFrequently: true}).getImageData(x, 0, x, canvas.height);
        for (let y = 0; y < height; y++) for (let i = 0; i < width; i++)
          if (data[4 * (y * width + i) + 3] > 200) return y;
        return null;
      })()
      """
    let script = """
      with Browser(sys.argv[1]) as browser:
          print(browser.open(sys.argv[2]).until("a dot", sys.argv[3], lambda row: True))
      """
    let result = try browse(script, [address, first])
    #expect(result.status == 0, "\(result.error)")
    let row = try #require(Int(result.output.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect((11...20).contains(row), "the highest dot begins at row \(row)")
    #expect(server.end(SIGINT) == 0)
  }

  private static let get = """
    import sys, http.client, urllib.parse
    address, method, path, host = sys.argv[1:]
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    print(answer.status, answer.getheader("Content-Type"), answer.read(300))
    """

  /// Only this machine's own pages, and of the disk only what is a run's episode.
  @Test func nothingElseIsServed() throws {
    let space = try Workspace(), run = RunFolder(path: space.file("run"))
    try FileManager.default.createDirectory(atPath: run.episodes, withIntermediateDirectories: true)
    try ExperimentConfig().json.write(to: URL(fileURLWithPath: run.config))
    try Data("an episode".utf8).write(to: URL(fileURLWithPath: run.episode(step: 20)))
    let (server, address) = try serve(space.path)
    for (method, path, host, expected) in [
      ("GET", "/", "127.0.0.1", "200 text/html"), ("GET", "/runs.json", "localhost:1", "200 application/json"),
      ("GET", "/runs.json?since=x-1-2", "127.0.0.1", "200 application/json"),
      ("GET", "/episode/0/20", "127.0.0.1", "200 text/html"),
      ("GET", "/episode/0/21", "127.0.0.1", "404"), ("GET", "/episode/7/20", "127.0.0.1", "404"),
      ("GET", "/episode/0/../../config.json", "127.0.0.1", "404"), ("GET", "/run/config.json", "127.0.0.1", "404"),
      ("GET", "/etc/passwd", "127.0.0.1", "404"), ("GET", "/..%2f..%2fetc%2fpasswd", "127.0.0.1", "404"),
      ("GET", "/episode/0/20%00", "127.0.0.1", "404"), ("POST", "/runs.json", "127.0.0.1", "405"),
      ("GET", "/", "evil.example", "403"), ("GET", "/runs.json", "evil.example:80", "403"),
    ] {
      let result = try python(Self.get, [address, method, path, host])
      #expect(result.output.hasPrefix(expected), "\(method) \(path) \(host): \(result.output)\(result.error)")
    }
    // Who asks and goes away without listening does no harm.
    let rude = """
      import socket, struct, sys, urllib.parse
      for _ in range(50):
          s = socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(sys.argv[1]).port))
          s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
          s.sendall(b"GET / HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n")
          s.close()
      """
    #expect(try python(rude, [address]).status == 0)
    #expect(try python(Self.get, [address, "GET", "/", "127.0.0.1"]).output.hasPrefix("200 "))

    // Its port is taken.
    let port = try #require(address.split(separator: ":").last).dropLast()
    let second = try mamba("watch \(space.path) --port \(port)")
    #expect(
      second.status == 1 && second.error == "error: port \(port) is in use: give another --port, or none for any that is free\n")
    #expect(server.end(SIGTERM) == 0)
  }

  @Test func mistakesAreOneLine() throws {
    let space = try Workspace()
    let file = try space.write("file", [1])
    for (arguments, status, message) in [
      ("watch \(space.file("absent"))", Int32(1), "does not exist"), ("watch \(file)", 1, "is a file, not a folder of runs"),
    ] {
      let result = try mamba(arguments)
      #expect(result.status == status && result.error.contains(message), "\(arguments): \(result.error)")
      #expect(result.error.hasPrefix("error: ") && result.error.split(separator: "\n").count == 1, "\(result.error)")
    }
    for port in [-1, 99999] {
      let result = try mamba("watch \(space.path) --port \(port)")
      #expect(result.status == 64 && result.error.hasPrefix("error: --port \(port): must be"), "\(result.error)")
    }
  }
}

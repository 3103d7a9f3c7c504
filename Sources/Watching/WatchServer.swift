/// The live page on 127.0.0.1: itself, what is new of the runs, and the pages of their recorded episodes. Nothing else of the
/// disk is served, and nobody but this machine is.
import FlyingFox
import FlyingSocks
import Foundation
import Rendering

public struct WatchServer: Sendable {
  private let watcher: RunWatcher
  private let port: UInt16

  /// - Parameters:
  ///   - root: a run folder, or one that holds any, now or later.
  ///   - port: 0 for any that is free.
  public init(root: String, port: UInt16) { (watcher, self.port) = (RunWatcher(root: root), port) }

  /// Serves until its task is cancelled. `ready` is told the address of the page.
  public func run(ready: @escaping @Sendable (_ address: String) -> Void) async throws {
    signal(SIGPIPE, SIG_IGN)  // a browser that goes away in the middle of an answer costs its connection and no more
    let server = HTTPServer(
      config: .init(address: try sockaddr_in.inet(ip4: "127.0.0.1", port: port), timeout: 60, logger: .disabled))
    await server.appendRoute("*") { [watcher] request in await Self.answer(request, watcher) }
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        group.addTask {
          try await server.waitUntilListening(timeout: 60)
          if case .ip4(_, let port)? = await server.listeningAddress { ready("http://127.0.0.1:\(port)/") }
        }
        for try await _ in group {}
      }
    } catch SocketError.failed(_, EADDRINUSE, _) {
      throw WatchError("port \(port) is in use: give another --port, or none for any that is free")
    } catch SocketError.failed(_, EACCES, _) {
      throw WatchError("port \(port) is not ours to take: give one above 1023, or none for any that is free")
    } catch  where Task.isCancelled {}
  }

  // MARK: - Answers

  private static func answer(_ request: HTTPRequest, _ watcher: RunWatcher) async -> HTTPResponse {
    // A page from elsewhere whose name was made to lead here sends that name along.
    let host = (request.headers[.host] ?? "").split(separator: ":").first
    guard host == "127.0.0.1" || host == "localhost" else { return refusal(.forbidden, "only this machine is served") }
    guard request.method == .GET || request.method == .HEAD else { return refusal(.methodNotAllowed, "there is only GET") }
    let parts = request.path.split(separator: "/").map(String.init)
    switch parts.count {
    case 0: return page(Data(WatchPage.html.utf8), "text/html; charset=utf-8")
    case 1 where parts[0] == "runs.json":
      guard let news = try? await watcher.news(since: request.query.first { $0.name == "since" }?.value) else { break }
      return page(news, "application/json")
    case 3 where parts[0] == "episode":
      guard let id = Int(parts[1]), let episode = await watcher.episode(run: id, parts[2]) else { break }
      return page(episode, "text/html; charset=utf-8")
    default: break
    }
    return refusal(.notFound, "there is no such page")
  }

  private static func page(_ body: Data, _ type: String) -> HTTPResponse {
    HTTPResponse(
      statusCode: .ok,
      headers: [
        .contentType: type, HTTPHeader("Cache-Control"): "no-store", HTTPHeader("X-Content-Type-Options"): "nosniff",
        // Nothing is fetched from anywhere else, and nobody else shows this in a frame.
        HTTPHeader("Content-Security-Policy"):
          "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
      ], body: body)
  }

  private static func refusal(_ status: HTTPStatusCode, _ words: String) -> HTTPResponse {
    HTTPResponse(statusCode: status, headers: [.contentType: "text/plain"], body: Data((words + "\n").utf8))
  }
}

/// What keeps the page from being served, in one line.
public struct WatchError: Error, CustomStringConvertible, Equatable {
  public let description: String
  init(_ description: String) { self.description = description }
}

/// The page: the look of an episode's, and its own.
enum WatchPage {
  static var html: String {
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    return EpisodePage.document(
      title: "mamba-dqn watch", head: "<link rel=\"icon\" href=\"data:,\">\n",
      style: EpisodePage.style + text(PackageResources.watch_css), body: text(PackageResources.watch_html),
      script: text(PackageResources.watch_js))
  }
}

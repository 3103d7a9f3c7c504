/// What went wrong on the other side of the bridge.
import Foundation

public struct GymnasiumError: Error, CustomStringConvertible, Sendable {
  public let description: String
  /// The environment's name or arguments are at fault, not the run.
  public let isUsage: Bool

  init(_ description: String, isUsage: Bool = false) { (self.description, self.isUsage) = (description, isUsage) }

  /// What the worker tells of an exception (`failure` in gymnasium_worker.py).
  struct Reported: Decodable {
    enum Kind: String, Decodable { case usage, module, package, error }

    var kind: Kind
    var type, message, traceback: String

    func error(_ name: GymnasiumName) -> GymnasiumError {
      switch kind {
      case .usage: return GymnasiumError("\(name.id): \(message)", isUsage: true)
      case .package:
        return GymnasiumError(
          "\(name.id): \(message) (in \((try? PythonInterpreter.path()) ?? "Python")); `make gymnasium` installs what is usual "
            + "into .venv, and MAMBA_DQN_PYTHON names another Python", isUsage: true)
      case .module:
        let module = name.module ?? name.id
        // The name stands for a file or a folder of that name; it is not looked for here unasked.
        let file = module.replacingOccurrences(of: ".", with: "/")
        let isHere = [file + ".py", file].contains { FileManager.default.fileExists(atPath: $0) }
        return GymnasiumError(
          "\(name.id): Python finds no module \(module); say in which folder it is: PYTHONPATH=\(isHere ? "." : "FOLDER") mamba-dqn …",
          isUsage: true)
      case .error:
        return GymnasiumError("\(name.id): Python raised \(type): \(message)\(traceback.isEmpty ? "" : "\n\(traceback)")")
      }
    }
  }
}

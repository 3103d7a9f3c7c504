/// Which Python runs environments. Never one that merely lies in the current folder: folders are not trusted.
import Foundation

public enum PythonInterpreter {
  /// `MAMBA_DQN_PYTHON`, a path or a command on PATH; or the virtual environment that `make gymnasium` sets up in the package
  /// whose build folder holds this program.
  /// - Throws: `GymnasiumError` that says how to get one.
  public static func path() throws -> String {
    if let chosen = ProcessInfo.processInfo.environment["MAMBA_DQN_PYTHON"], !chosen.isEmpty { return chosen }
    guard let program = Bundle.main.executablePath, let own = ownPath(of: program) else {
      throw GymnasiumError(
        "environments named gymnasium:ID need Python: run `make gymnasium` in the folder where mamba-dqn was built, or let "
          + "MAMBA_DQN_PYTHON name a Python that has gymnasium", isUsage: true)
    }
    return own
  }

  /// PACKAGE/.venv/bin/python3 for a program in PACKAGE/.build*/…, links followed.
  static func ownPath(of program: String) -> String? {
    var folder = URL(fileURLWithPath: program).resolvingSymlinksInPath().deletingLastPathComponent()
    while folder.path != "/" {
      let isBuildFolder = folder.lastPathComponent.hasPrefix(".build")
      folder.deleteLastPathComponent()
      guard isBuildFolder else { continue }
      let python = folder.appending(path: ".venv/bin/python3").path
      return FileManager.default.isExecutableFile(atPath: python) ? python : nil
    }
    return nil
  }

  /// The environment variables a worker starts with: ours, but for empty parts of PYTHONPATH, which Python takes for the
  /// current folder. (`python -c` would look there too; guardian.py takes that back.)
  static var variables: [String] {
    ProcessInfo.processInfo.environment.map { name, value in
      name == "PYTHONPATH" ? "\(name)=\(value.split(separator: ":").joined(separator: ":"))" : "\(name)=\(value)"
    }
  }
}

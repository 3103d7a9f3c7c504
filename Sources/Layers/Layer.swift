/// What every layer can do. A layer's forward pass is its own method on a tape (its inputs differ from layer to layer).
import Autograd

public protocol Layer {
  /// In a stable order, with dotted names as PyTorch gives them.
  func forEachParameter(_ body: (_ name: String, _ parameter: Parameter) -> Void)
}

extension Layer {
  /// The parameters of a part, under `prefix.`.
  public func forward(_ prefix: String, _ part: some Layer, _ body: (String, Parameter) -> Void) {
    part.forEachParameter { body("\(prefix).\($0)", $1) }
  }
}

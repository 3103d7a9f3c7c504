/// From y to the core's output, of one head over some rows:
///
///     n = y / √(mean y² + 1e-5) · norm.weight, or y     output[p] = Σ_r mimo_o[r] · n[r] · silu(z · mimo_z[r])

extension Mamba3Core {
  /// y [rows, R, width], dense; z in rows of the projection; output [·, E]. Pointers begin at the head.
  @inline(never) func gate(
    _ h: Int, rows: Int, y: Input, projection z: Input, _ parameters: Mamba3Parameters<Output>, into output: Output
  ) {
    if gatesPlainly { return plainGate(rows: rows, y: y, projection: z, into: output) }
    var row = 0
    while row < rows {
      let z = z + row &* projectionStride, target = output + row &* inner
      var r = 0
      while r < ranks {
        let y = y + (row &* ranks &+ r) &* width, at = (h &* ranks &+ r) &* headSize
        let inverse = isNormed ? inverseRoot(y) : 1
        forEachVector(headSize) { p, active in
          var value = load(y + p) * splat(inverse)
          if let norm = parameters.norm { value *= load(norm + h &* headSize &+ p, active) }
          var gate = load(z + p, active)
          if let mimo = parameters.mimoZ { gate *= load(mimo + at &+ p, active) }
          value *= gate * sigmoid(gate)
          if let mimo = parameters.mimoO {
            value *= load(mimo + at &+ p, active)
            if r > 0 { value += load(target + p, active) }
          }
          store(target + p, value, active)
        }
        r &+= 1
      }
      row &+= 1
    }
  }

  /// y and dy [rows, R, width], dense, dy's padding zero; dz, in rows of the projection's gradient, is overwritten; those of the
  /// parameters are added to.
  @inline(never) func gateBackward(
    _ h: Int, rows: Int, y: Input, projection z: Input, _ parameters: Mamba3Parameters<Output>,
    dOutput: Input, dy: Output, dz: Output, _ gradients: Mamba3Parameters<Output>
  ) {
    if gatesPlainly { return plainGateBackward(rows: rows, y: y, projection: z, dOutput: dOutput, dy: dy, dz: dz) }
    var row = 0
    while row < rows {
      let z = z + row &* projectionStride, dz = dz + row &* projectionStride, dOutput = dOutput + row &* inner
      var r = 0
      while r < ranks {
        let y = y + (row &* ranks &+ r) &* width, dy = dy + (row &* ranks &+ r) &* width
        let at = (h &* ranks &+ r) &* headSize, inverse = isNormed ? inverseRoot(y) : 1
        var products = Vector.zero
        forEachVector(headSize) { p, active in
          let value = load(y + p) * splat(inverse), raw = load(z + p, active)
          let weight = parameters.norm.map { load($0 + h &* headSize &+ p, active) } ?? splat(1)
          let scale = parameters.mimoZ.map { load($0 + at &+ p, active) } ?? splat(1)
          let gate = raw * scale, s = sigmoid(gate), silu = gate * s
          var d = load(dOutput + p, active)
          if let mimo = parameters.mimoO, let gradient = gradients.mimoO {
            add(d * value * weight * silu, to: gradient + at &+ p, active)
            d *= load(mimo + at &+ p, active)
          }
          let dGate = d * value * weight * s * fma(gate, splat(1) - s, splat(1))
          if let gradient = gradients.mimoZ { add(dGate * raw, to: gradient + at &+ p, active) }
          store(dz + p, r > 0 ? load(dz + p, active) + dGate * scale : dGate * scale, active)
          let dNormed = d * silu
          if let gradient = gradients.norm { add(dNormed * value, to: gradient + h &* headSize &+ p, active) }
          products = fma(dNormed * weight, value, products)
          store(dy + p, dNormed * weight)
        }
        if isNormed {
          let mean = splat(sum(products) / Float(headSize))
          forEachVector(headSize) { p, _ in
            store(dy + p, splat(inverse) * fma(-mean, load(y + p) * splat(inverse), load(dy + p)))
          }
        }
        r &+= 1
      }
      row &+= 1
    }
  }

  /// Whether the output is y · silu(z), in heads of whole vectors of sixteen: the common case has loops of its own.
  private var gatesPlainly: Bool { rank == 0 && !isNormed && headSize & 15 == 0 }

  @inline(__always) private func plainGate(rows: Int, y: Input, projection z: Input, into output: Output) {
    var row = 0
    while row < rows {
      let z = z + row &* projectionStride, y = y + row &* width, target = output + row &* inner
      var p = 0
      while p < headSize {
        let gate = loadWide(z + p)
        Kernels.store(target + p, loadWide(y + p) * (gate * sigmoid(gate)))
        p &+= 16
      }
      row &+= 1
    }
  }

  @inline(__always) private func plainGateBackward(
    rows: Int, y: Input, projection z: Input, dOutput: Input, dy: Output, dz: Output
  ) {
    var row = 0
    while row < rows {
      let z = z + row &* projectionStride, dz = dz + row &* projectionStride, dOutput = dOutput + row &* inner
      let y = y + row &* width, dy = dy + row &* width
      var p = 0
      while p < headSize {
        let gate = loadWide(z + p), s = sigmoid(gate), d = loadWide(dOutput + p)
        Kernels.store(dz + p, d * loadWide(y + p) * siluSlope(gate, sigmoid: s))
        Kernels.store(dy + p, d * (gate * s))
        p &+= 16
      }
      row &+= 1
    }
  }

  /// Of a head whose padding is zero.
  @inline(__always) private func inverseRoot(_ y: Input) -> Float {
    var total = Vector.zero
    forEachVector(headSize) { p, _ in total = fma(load(y + p), load(y + p), total) }
    return 1 / (sum(total) / Float(headSize) + 1e-5).squareRoot()
  }

  @inline(__always) private func add(_ v: Vector, to p: Output, _ active: Int) { store(p, load(p, active) + v, active) }
}

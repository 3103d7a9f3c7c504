/// Parts of lists, in their order.

/// Without repetitions, in the order of first occurrence.
public func unique<Element: Hashable>(_ elements: [Element]) -> [Element] {
  var seen: Set<Element> = []
  return elements.filter { seen.insert($0).inserted }
}

/// At most `count` of the elements (at least 2), evenly, the first and the last among them.
public func thinned<Elements: RandomAccessCollection>(_ elements: Elements, to count: Int) -> [Elements.Element]
where Elements.Index == Int {
  guard elements.count > count else { return Array(elements) }
  return (0..<count).map { elements[elements.startIndex + $0 * (elements.count - 1) / (count - 1)] }
}

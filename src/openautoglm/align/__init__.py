"""The joint space: losses, projections, momentum encoder, queue, gradient cache, cross-attention.

Everything here takes tensors and knows neither encoders nor fusion. Import the part you need,
`openautoglm.align.infonce` for example; importing the room itself costs nothing.
"""

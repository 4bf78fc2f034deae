"""How a route's dense encoder is computed: a forward pass over packed weights turns token ids into vectors.

Why this folder exists beside OpenVINO and ONNX Runtime, which are installed only to be measured against (figures in
benchmarks/results.md, reasons in benchmarks/notes.md): exact vectors take about the time that OpenVINO's take, the
fastest peer, because most of it goes into linear layers, which multiply about as fast as the machine can. In int8 a
few more texts are done in a second than with ONNX Runtime's dynamic int8, and the vectors stay closer to the exact
ones. Weights are read where they are mapped, and packed layers that both models or several routes share are held once,
which keeps the app within its limits of memory. And an expert grows over the same layers, which compute whatever lies
below it once per text, without padding.
"""

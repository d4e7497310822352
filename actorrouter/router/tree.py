"""temporary"""


class Tree:
    def __init__(self, runtime, restart, rng, on_fatal):
        self.rt = runtime

    def start(self):
        pass

    def attach(self, group):
        pass

    async def shutdown(self):
        pass

    def provider(self, name):
        pass

    def budget(self, i, b, init):
        return self.rt.spawn(i, b, init)

    def circuit(self, p, i, b, init):
        return self.rt.spawn(i, b, init)

    def pool(self, p, i, b, init):
        return self.rt.spawn(i, b, init)

    def key(self, p, i, b, init):
        return self.rt.spawn(i, b, init)

    def route(self, i, b, init, give):
        return self.rt.spawn(i, b, init, on_undelivered=give)

    def remove_key(self, p, cell):
        self.rt.remove(cell, "removed")

    def remove_pool(self, p, cell):
        self.rt.remove(cell, "removed")

    def quarantined(self, n):
        return ""

    def revive(self, n):
        pass

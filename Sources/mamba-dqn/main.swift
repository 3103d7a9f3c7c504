print("mamba-dqn")

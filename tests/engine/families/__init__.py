"""Model families: loading, predicting, saving."""

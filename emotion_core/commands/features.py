"""``features``: where a run's model puts test faces, for the map on the Predictions page."""

import argparse

HELP = "write a run's penultimate features of test faces, and with --tsne their map"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("run", metavar="RUN", help="folder, name, part of it, or architecture")
    parser.add_argument("--data", default="", help="where the run's own data set is now")
    parser.add_argument(
        "--faces", type=int, help="test faces (default: those that are stored, else 1000)"
    )
    parser.add_argument(
        "--tsne", action="store_true", help="compute the t-SNE map of the stored features as well"
    )


def run(args: argparse.Namespace) -> int:
    """Features, unless a map is asked for of those that are stored, then the map."""
    from emotion_core.errors import ConfigError
    from emotion_core.evaluation.features import (
        FACES,
        compute_features,
        compute_tsne,
        load_features,
    )
    from emotion_core.progress import progress_bar
    from emotion_core.runs.catalog import pick_run

    if args.faces is not None and args.faces < 5:
        raise ConfigError(f"--faces must be at least 5, got {args.faces}.")
    found = pick_run(args.run)
    features = load_features(found)
    others = features is not None and args.faces not in (None, len(features.rows))
    if features is None or others or args.data or not args.tsne:
        from emotion_core.data.sources import load_data

        data = load_data(args.data or found.config().data)
        with progress_bar(total=1.0, bar_format="{percentage:3.0f} % |{bar}|") as bar:
            features = compute_features(
                found,
                data,
                faces=args.faces or (len(features.rows) if features else FACES),
                progress=lambda share: bar.update(share - bar.n),
            )
    print(f"{len(features.rows):,} faces, {features.values.shape[1]} features")
    if args.tsne:
        compute_tsne(found)
        print(f"map written to {found.path / 'tsne.npz'}")
    return 0

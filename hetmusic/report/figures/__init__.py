"""A module for each figure: ``FIGURE``, a :class:`~hetmusic.report.figure.FigureSpec`, its data and its drawing."""

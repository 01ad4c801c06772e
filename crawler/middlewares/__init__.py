"""What Scrapy calls on the way of requests and responses: politeness, conditional requests, harvests."""
